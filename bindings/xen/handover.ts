import { attempts } from '../attempts.ts';
import { writeMemory } from '../ffi/memory.ts';
import type { DomainCreation } from '../hypervisor.ts';
import { PAGE_BYTES } from '../image-checks.ts';
import { unmapMemory } from '../libc.ts';
import type { BuilderImage } from './builder-image.ts';
import type { XenSession } from './session.ts';

/** The memory of a built domain that is kept for the hand-over. */
export interface HandoverRegion {
  domid: number;
  bytes: number;
  /** The frames as Xen's foreign mapping wants them, 8 bytes each: machine frames (PV), guest frames (PVH). */
  frames: Buffer;
}

/** Finds the region at the start of the ramdisk. To be called before the builder's state is released. */
export function locateRegion(
  image: BuilderImage,
  domain: DomainCreation,
  bytes: number,
): HandoverRegion | undefined {
  if (bytes === 0) return undefined;
  const first = Number(image.get('modules[0].seg.pfn'));
  const count = bytes / PAGE_BYTES;
  const frames =
    domain.type === 'pv' ? image.machineFrames(first, count) : guestFrames(first, count);
  return { domid: domain.domid, bytes, frames };
}

function guestFrames(first: number, count: number): Buffer {
  const frames = Buffer.alloc(count * 8);
  for (let i = 0; i < count; i++) frames.writeBigUInt64LE(BigInt(first + i), i * 8);
  return frames;
}

/** PROT_READ | PROT_WRITE, sys/mman.h; Xen refuses mappings that can be written but not read. */
const PROTECTION = 3;

/** Writes `bytes` and zeros after them into the region. */
export function writeRegion(session: XenSession, region: HandoverRegion, bytes: Uint8Array): void {
  const { domid, frames } = region;
  const { xc, xch } = session;
  session.attempt(attempts.handOver(domid), () => {
    const address = xc.xc_map_foreign_pages({
      xch,
      domid,
      protection: PROTECTION,
      frames,
      count: frames.length / 8,
    });
    const padded = Buffer.alloc(region.bytes);
    padded.set(bytes);
    writeMemory(address, padded);
    unmapMemory(address, region.bytes);
  });
}
