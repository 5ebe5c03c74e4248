// SPDX-License-Identifier: Apache-2.0

/** Architectures of processes: numbers of system calls differ. */
export const callArchitectures = ["x86_64", "i386", "aarch64"] as const;

/** A call that an architecture does not have. */
const none = -1;

/**
 * System calls that no package's script or compiler needs and that reach beyond a root file system: mounts and
 * handles, namespaces, the kernel's modules, keys, clock and power, other processes' memory, and the interfaces
 * where most holes of the last years were. With their numbers on x86_64, i386 and aarch64 (Linux,
 * asm/unistd_64.h, asm/unistd_32.h, asm-generic/unistd.h).
 */
export const deniedCalls: Readonly<Record<string, readonly [x86_64: number, i386: number, aarch64: number]>> =
  {
    acct: [163, 51, 89],
    add_key: [248, 286, 217],
    adjtimex: [159, 124, 171],
    bpf: [321, 357, 280],
    clock_adjtime: [305, 343, 266],
    clock_adjtime64: [none, 405, 405],
    clock_settime: [227, 264, 112],
    clock_settime64: [none, 404, 404],
    create_module: [174, 127, none],
    delete_module: [176, 129, 106],
    fanotify_init: [300, 338, 262],
    finit_module: [313, 350, 273],
    fsconfig: [431, 431, 431],
    fsmount: [432, 432, 432],
    fsopen: [430, 430, 430],
    fspick: [433, 433, 433],
    init_module: [175, 128, 105],
    io_uring_enter: [426, 426, 426],
    io_uring_register: [427, 427, 427],
    io_uring_setup: [425, 425, 425],
    ioperm: [173, 101, none],
    iopl: [172, 110, none],
    kcmp: [312, 349, 272],
    kexec_file_load: [320, none, 294],
    kexec_load: [246, 283, 104],
    keyctl: [250, 288, 219],
    lookup_dcookie: [212, 253, 18],
    mount: [165, 21, 40],
    mount_setattr: [442, 442, 442],
    move_mount: [429, 429, 429],
    move_pages: [279, 317, 239],
    name_to_handle_at: [303, 341, 264],
    nfsservctl: [180, 169, 42],
    open_by_handle_at: [304, 342, 265],
    open_tree: [428, 428, 428],
    perf_event_open: [298, 336, 241],
    pidfd_getfd: [438, 438, 438],
    pivot_root: [155, 217, 41],
    process_madvise: [440, 440, 440],
    process_vm_readv: [310, 347, 270],
    process_vm_writev: [311, 348, 271],
    ptrace: [101, 26, 117],
    quotactl: [179, 131, 60],
    quotactl_fd: [443, 443, 443],
    reboot: [169, 88, 142],
    request_key: [249, 287, 218],
    setns: [308, 346, 268],
    settimeofday: [164, 79, 170],
    stime: [none, 25, none],
    swapoff: [168, 115, 225],
    swapon: [167, 87, 224],
    syslog: [103, 103, 116],
    umount: [none, 22, none],
    umount2: [166, 52, 39],
    unshare: [272, 310, 97],
    userfaultfd: [323, 374, 282],
    vhangup: [153, 111, 58],
  };

/** clone(2), by its flags in the first argument. */
export const cloneNumbers = [56, 120, 220] as const;
/** clone3(2): its flags lie in memory, where a filter cannot look. */
export const clone3Number = 435;
