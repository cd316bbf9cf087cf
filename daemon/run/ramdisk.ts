/** Linux looks for the next archive of an initramfs at multiples of this (init/initramfs.c). */
const ALIGNMENT = 4;

/**
 * One ramdisk of several segments: one behind the other, each filled up with zeros so that the next begins
 * where Linux looks for it. A single one is passed as it is, without a copy.
 */
export function joinSegments(segments: readonly Uint8Array[]): Uint8Array {
  const [only, ...more] = segments;
  if (only === undefined) return new Uint8Array();
  if (more.length === 0) return only;
  const parts = segments.flatMap((segment) => [
    segment,
    Buffer.alloc(-segment.length & (ALIGNMENT - 1)),
  ]);
  return Buffer.concat(parts);
}
