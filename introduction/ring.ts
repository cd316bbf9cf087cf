import { readMemory, writeMemory } from '../bindings/ffi/memory.ts';
import { StructView } from '../bindings/ffi/struct.ts';
import { openLibxengnttab } from '../bindings/libxengnttab.ts';
import type { XenSession } from '../bindings/xen/session.ts';

/** PROT_READ | PROT_WRITE, sys/mman.h. */
const PROTECTION = 3;

/** `struct xsd_sockmsg`; requests begin where the ring does. */
const HEADER_BYTES = 16;

type Field = 'req_prod' | 'connection';

/** A domain's xenstore ring (xen/io/xs_wire.h), mapped through the grant that domB made for xenstored's domain. */
export interface StoreRing {
  get(field: Field): bigint;
  set(field: Field, value: number | bigint): void;
  /** The first 16 bytes of what the domain asks: the header of its first request. */
  header(): Buffer;
}

/** Maps the ring for as long as `work` takes. */
export function withRing<T>(
  { layout }: XenSession,
  domid: number,
  work: (ring: StoreRing) => T,
): T {
  const table = openLibxengnttab();
  const xgt = table.xengnttab_open({ logger: 0n, flags: 0 });
  try {
    const { GNTTAB_RESERVED_XENSTORE: reference } = layout.constants;
    const mapping = { xgt, domid, reference, protection: PROTECTION };
    const address = table.xengnttab_map_grant_ref(mapping);
    const view = new StructView(layout, 'xenstore_ring');
    const at = (field: Field) => address + BigInt(view.offsetOf(field));
    try {
      return work({
        get(field) {
          readMemory(at(field), view.block(field).length).copy(view.block(field));
          return view.get(field);
        },
        header: () => readMemory(address, HEADER_BYTES),
        set(field, value) {
          writeMemory(at(field), view.set(field, value).block(field));
        },
      });
    } finally {
      table.xengnttab_unmap({ xgt, address, count: 1 });
    }
  } finally {
    table.xengnttab_close({ xgt });
  }
}
