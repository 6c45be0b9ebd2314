package io.meshcapture.backend.hosts;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import io.meshcapture.system.EditedFile;
import io.meshcapture.system.FileRefusal;
import java.io.IOException;
import java.nio.file.Path;

/** Why a hosts file was not edited, and what to do. */
final class HostsRefusal {
    private HostsRefusal() {}

    static Failure toOpen(Path path, IOException e) {
        String because = String.valueOf(e.getMessage());
        String mend = "run it as root";
        if (e instanceof FileRefusal refusal) {
            String flags = refusal.errno() == Errno.EPERM ? EditedFile.flagsOf(path) : "";
            if (!flags.isEmpty()) {
                because = flags;
                mend = "take the flag off if nobody relies on it (chattr -i -a " + path + ")";
            } else if (refusal.errno() == Errno.EROFS) {
                mend = "mount it writable; in a container, leave readOnly out of the mount of /etc/hosts";
            } else if (refusal.errno() == Errno.ENOENT) {
                mend = "make it, with the names of localhost in it";
            } else if (refusal.errno() == Errno.ELOOP) {
                return new Failure.Conflict(
                        path + " cannot be edited",
                        "it is a link, or lies behind one",
                        "make it a file; where links lead elsewhere is only followed on this host itself");
            }
        }
        return new Failure.Unavailable("the hosts file " + path + " cannot be changed", because, mend);
    }

    static Failure.Busy sinceOthersChangeIt(Path path, int attempts) {
        return new Failure.Busy(
                "the hosts file " + path + " is changed by others all the time",
                attempts + " attempts met a file that had changed since it was read",
                "find out who writes it, and try again");
    }

    static Failure.Busy whileKeptOpen(Path path, String writer) {
        return new Failure.Busy(
                "an interrupted change of " + path + " cannot be finished now",
                writer + " keeps it open to write, and what it adds while lines move could be lost",
                "let it close the file, or end it, and run the same command again");
    }

    static Failure.Refused toChange(Path path, IOException e, String outcome) {
        return new Failure.Refused(
                "the hosts file " + path + " could not be changed; " + outcome,
                String.valueOf(e.getMessage()),
                "mend the cause and try again");
    }
}
