"""Random schedules of the whole product and of its queue; see `__main__` for how to replay one."""
