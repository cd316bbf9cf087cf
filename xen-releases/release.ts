import type { XenLayout } from './layout.ts';

/** All that differs from one Xen release to the next, and that the code has to know. */
export interface XenRelease {
  /** `major.minor`. */
  version: string;
  /** Of its structs, from its headers. */
  layout: XenLayout;
  /** SONAMEs of the libraries whose interface changes with each release. */
  libraries: { control: string; guest: string; light: string };
  /** Numbers of its policy's classes and permissions (security_classes and access_vectors in xen/xsm/flask/policy). */
  flask: {
    /** The class of what is done to domains, and in it the bits for making and ending one. */
    domain: { class: number; create: number; destroy: number };
    /** The class of what concerns pvh and hvm domains only, and in it the bit of HVMOP_set_param. */
    hvm: { class: number; setparam: number };
    /** The class of access to memory, and in it the bits for mapping what is another's. */
    mmu: { class: number; map_read: number; map_write: number };
  };
  /** The source that the hypervisor is built from. */
  source: {
    /** Debian's source package. */
    package: string;
    /** What its version begins with; the newest such version is taken. */
    series: string;
    /** The Debian release that has it. */
    codename: string;
    /** Directory of our patches, with a file `series`; absolute. */
    patches: string;
  };
  /** Bits of our series in the capabilities that XEN_SYSCTL_physinfo tells; a Xen without it never sets them. */
  ownCapabilities: {
    /** Since before the first domain ran, no device could reach memory that is not its domain's. */
    dmaConfined: number;
  };
  /** Debian's packages that images are made of. */
  packages: {
    /** The libraries that change with each release, beside some that do not. */
    libraries: string;
    /** libxenstore. */
    store: string;
    /** xl, its daemons and helpers. */
    tools: string;
    /** Where `tools` has its programs, from the root. */
    toolDirectory: string;
  };
}
