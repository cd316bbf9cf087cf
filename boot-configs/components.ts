import type { ImageComponent } from './manifest.ts';

/** All components of a domain, in the order in which they are measured. */
export const imageComponents: readonly ImageComponent[] = ['kernel', 'ramdisk', 'cmdline'];
