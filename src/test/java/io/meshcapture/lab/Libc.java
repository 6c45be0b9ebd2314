package io.meshcapture.lab;

import jnr.ffi.Pointer;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import org.jspecify.annotations.Nullable;

/**
 * The functions of the C library that the laboratory calls, under their own names; {@code man 2} and {@code man 3} tell
 * what they do. Public because JNR generates a class that implements it.
 */
public interface Libc {
    int unshare(int flags);

    int mount(String source, String target, String type, long flags, @Nullable String data);

    long syscall(long number, long first, long second, long third);

    int getgroups(int size, @Out int[] groups);

    int if_nametoindex(String name);

    @Nullable
    Pointer if_indextoname(int index, @Out byte[] name);

    int socket(int family, int type, int protocol);

    int bind(int socket, @In byte[] address, int length);

    int listen(int socket, int backlog);

    int accept4(int socket, @Out byte[] address, @In @Out int[] length, int flags);

    int connect(int socket, @In byte[] address, int length);

    int getsockname(int socket, @Out byte[] address, @In @Out int[] length);

    int getpeername(int socket, @Out byte[] address, @In @Out int[] length);

    int getsockopt(int socket, int level, int option, @Out byte[] value, @In @Out int[] length);

    int setsockopt(int socket, int level, int option, @In byte[] value, int length);

    int poll(@In @Out byte[] fds, long count, int milliseconds);

    long recv(int socket, @Out byte[] buffer, long length, int flags);

    long recvfrom(int socket, @Out byte[] buffer, long length, int flags, @Out byte[] address, @In @Out int[] size);

    long send(int socket, @In byte[] buffer, long length, int flags);

    long sendto(int socket, @In byte[] buffer, long length, int flags, @In byte[] address, int size);

    int shutdown(int socket, int how);

    int close(int fd);

    String strerror(int errno);
}
