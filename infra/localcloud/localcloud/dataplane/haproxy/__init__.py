"""HAProxy as the data plane of every virtual address: objects in, configuration and traffic out."""
