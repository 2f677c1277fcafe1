"""What holds for every test: laws have no deadline, since tracing and neighbours slow one down."""

from hypothesis import settings

settings.register_profile("fedingress", deadline=None)
settings.load_profile("fedingress")
