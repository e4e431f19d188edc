"""What a new network namespace needs first."""
import fcntl
import socket
import struct


def loopback_up():
    """Loopback is down in it."""
    with socket.socket() as any_socket:
        get_flags, set_flags, up = 0x8913, 0x8914, 1
        name, flags, rest = struct.unpack("16sH22s", fcntl.ioctl(any_socket, get_flags, struct.pack("16sH22s", b"lo", 0, b"")))
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH22s", name, flags | up, rest))
