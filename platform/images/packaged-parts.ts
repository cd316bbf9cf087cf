/** What the Debian packages domb-boot and domb-xen call the parts that images are made of, in their directories of /usr/lib/domb. */
export const packagedParts = {
  /** domb-boot: {@link BootParts.runtime}, its base, that one's size unpacked, the modules to load one a line, and domB's kernel. */
  runtime: 'runtime.squashfs',
  base: 'base.cpio.zst',
  unpacked: 'base-unpacked-size',
  modules: 'modules',
  kernel: 'vmlinuz',
  /** What these are made of: components.ts. */
  components: 'components.json',
  /** domb-xen: the hypervisor for multiboot loaders, and for firmware; our policy; which version that is. */
  xen: 'xen',
  xenEfi: 'xen.efi',
  policy: 'xenpolicy',
  policySource: 'policy.conf',
  xenVersion: 'version',
} as const;

/** What the package domb has beside the command for `domb validate` of plain files: a launcher, a bundle and V8's code cache of it. */
export const validateFiles = {
  launcher: 'launch.cjs',
  code: 'validate.cjs',
  cache: 'validate.cache',
} as const;
