package io.meshcapture.lab;

import java.util.Arrays;
import java.util.function.IntSupplier;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * The user and group as whom a socket is opened. The kernel's owner matches ({@code meta skuid}, {@code -m owner}) ask
 * for the credentials with which the file of the socket was made, by socket(2) or accept(2), whoever uses it later.
 *
 * @param uid user id, 0 to 2<sup>31</sup>-1
 * @param gid group id, the only one: there are no supplementary groups
 */
public record Identity(int uid, int gid) {
    public static final Identity ENVOY = new Identity(1337, 1337);
    public static final Identity APPLICATION = new Identity(1000, 1000);

    private static final boolean ARM = System.getProperty("os.arch", "").equals("aarch64");
    private static final long SETRESUID = ARM ? 147 : 117;
    private static final long SETRESGID = ARM ? 149 : 119;
    private static final long SETGROUPS = ARM ? 159 : 116;

    private static final int[] OWN_GROUPS = new int[65536];
    private static final int OWN_GROUPS_COUNT =
            Kernel.check(Kernel.LIBC.getgroups(OWN_GROUPS.length, OWN_GROUPS), "getgroups");
    private static final Pointer OWN_GROUPS_MEMORY = inMemory(OWN_GROUPS, OWN_GROUPS_COUNT);

    /**
     * Makes one system call as this identity and comes back. By raw system calls, since glibc's functions change all
     * threads of the process. The saved ids stay those of root, which is what allows the way back. The call must not
     * load classes: this user may be unable to read them.
     *
     * @return what the call returned or, if that is negative, the negated errno
     */
    int run(IntSupplier systemCall) {
        must(SETGROUPS, 0, 0, 0);
        must(SETRESGID, gid, gid, 0);
        must(SETRESUID, uid, uid, 0);
        try {
            int result = systemCall.getAsInt();
            return result < 0 ? -Kernel.errno() : result;
        } finally {
            must(SETRESUID, 0, 0, 0);
            must(SETRESGID, 0, 0, 0);
            must(SETGROUPS, OWN_GROUPS_COUNT, OWN_GROUPS_MEMORY.address(), 0);
        }
    }

    private static Pointer inMemory(int[] groups, int count) {
        Pointer memory = Memory.allocateDirect(Runtime.getRuntime(Kernel.LIBC), Math.max(4, 4 * count));
        memory.put(0, groups, 0, count);
        return memory;
    }

    private static void must(long number, long first, long second, long third) {
        if (Kernel.LIBC.syscall(number, first, second, third) != 0) {
            throw Kernel.failed("system call " + number + " (take another identity)", Kernel.errno());
        }
    }

    /**
     * The command that runs another one as this user and group alone.
     *
     * @param rest more options of setpriv(1), if any, and that command
     */
    public String[] setpriv(String... rest) {
        String[] options = {
            "setpriv", "--reuid", Integer.toString(uid), "--regid", Integer.toString(gid), "--clear-groups"
        };
        String[] all = Arrays.copyOf(options, options.length + rest.length);
        System.arraycopy(rest, 0, all, options.length, rest.length);
        return all;
    }
}
