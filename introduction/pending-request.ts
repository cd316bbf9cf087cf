import type { StoreRing } from './ring.ts';

/** `struct xsd_sockmsg`, which begins each request, ends in the length of what follows (xen/io/xs_wire.h). */
const HEADER_BYTES = 16;
const LENGTH_OFFSET = 12;
/** XENSTORE_RING_SIZE, there. */
const RING_BYTES = 1024;

/**
 * How long a kernel may take to write one request, in milliseconds: it writes header and contents one after the other, in
 * microseconds, and waits for the answer.
 */
const SETTLING = 20;
const MOST_LOOKS = 50;

/**
 * Has `introduce` empty the ring of a domain that runs, and puts back what its kernel has asked by then. xenstored takes a domain that
 * is introduced for a new one (domain_conn_reset, tools/xenstore/xenstored_domain.c); what was asked would be lost, and the kernel
 * would wait for ever. It asks one thing first, and nothing more before that is answered: so the domain need not be stopped, which
 * takes a right that is enough to do it harm. The ring is the guest's: what it holds decides about nobody else.
 */
export function keepRequest(
  ring: StoreRing,
  introduce: () => void,
  sleep: (milliseconds: number) => void = sleepFor,
): void {
  const asked = settled(ring, sleep);
  introduce();
  const pending = asked === 0 ? askedMeanwhile(ring, sleep) : asked;
  if (pending !== 0) ring.set('req_prod', pending);
}

/** Where the kernel's requests end, when it is not writing one. */
function settled(ring: StoreRing, sleep: (milliseconds: number) => void): number {
  let seen = ring.get('req_prod');
  for (let looks = 0; seen !== 0n && looks < MOST_LOOKS; looks++) {
    sleep(SETTLING);
    const now = ring.get('req_prod');
    if (now === seen) break;
    seen = now;
  }
  return Number(seen);
}

/** The length of a first request that came before the ring was emptied, and after it was looked at. */
function askedMeanwhile(ring: StoreRing, sleep: (milliseconds: number) => void): number {
  const emptied = () => ring.get('req_prod') === 0n && ring.header().some((byte) => byte !== 0);
  if (!emptied()) return 0;
  // It may be writing its first request just now.
  sleep(SETTLING);
  if (!emptied()) return 0;
  const length = HEADER_BYTES + ring.header().readUInt32LE(LENGTH_OFFSET);
  return Math.min(length, RING_BYTES);
}

function sleepFor(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
