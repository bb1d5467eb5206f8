//! Whether a folder is on a network file system, where SQLite's shared memory does not reach other machines.

use std::path::{Path, PathBuf};

use fs_err as fs;

/// File systems that several machines can mount at once, by their names in Linux's mount table.
const SHARED: [&str; 17] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "lustre",
    "gpfs",
    "beegfs",
    "glusterfs",
    "pvfs2",
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.ceph",
    "fuse.rclone",
];

/// The network file system, such as `nfs4`, that `folder` is on, or would be on if it existed. `None` for a local file
/// system, and where there is no mount table.
pub fn network_file_system(folder: &Path) -> Option<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let folder = std::path::absolute(folder).ok()?;
    let existing = folder.ancestors().find_map(|folder| fs::canonicalize(folder).ok())?;
    let kind = kind_of(&table, &existing)?;
    SHARED.contains(&kind).then(|| kind.to_owned())
}

/// The file system of the innermost mount above `path`: lines of `ID PARENT DEVICE ROOT MOUNT-POINT OPTIONS ... - KIND
/// SOURCE OPTIONS` (proc(5)); of two mounts at one place the later hides the earlier.
fn kind_of<'a>(table: &'a str, path: &Path) -> Option<&'a str> {
    let mounts = table.lines().filter_map(|line| {
        let (head, tail) = line.split_once(" - ")?;
        Some((unescaped(head.split(' ').nth(4)?), tail.split(' ').next()?))
    });
    let above = mounts.filter(|(point, _)| path.starts_with(point));
    above.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind)
}

/// Blanks and backslashes stand in the table as `\040` and `\134`.
fn unescaped(point: &str) -> PathBuf {
    let named = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    named.iter().fold(point.to_owned(), |text, (code, letter)| text.replace(code, letter)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /home rw,relatime shared:5 - nfs4 filer:/home rw,vers=4.2
31 30 8:1 / /home/me/scratch rw - xfs /dev/sdb rw
32 22 0:41 / /mnt/two\\040words rw - cifs //box/share rw
33 22 0:42 / /late rw - nfs box:/late rw
34 22 8:2 / /late rw - ext4 /dev/sdc rw
";

    #[test]
    fn the_innermost_and_latest_mount_counts() {
        for (path, kind) in [
            ("/work/artifacts", "ext4"),
            ("/home/me/artifacts", "nfs4"),
            ("/homestead/artifacts", "ext4"),
            ("/home/me/scratch/artifacts", "xfs"),
            ("/mnt/two words/artifacts", "cifs"),
            ("/late/artifacts", "ext4"),
        ] {
            assert_eq!(kind_of(TABLE, Path::new(path)), Some(kind), "{path}");
        }
        assert_eq!(kind_of("", Path::new("/")), None);
        assert_eq!(kind_of("22 1 - \n - \nx", Path::new("/")), None);
    }
}
