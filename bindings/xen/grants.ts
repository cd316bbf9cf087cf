import { attempts } from '../attempts.ts';
import { readMemory } from '../ffi/memory.ts';
import { StructView } from '../ffi/struct.ts';
import type { PageGrant } from '../holdings.ts';
import { callRefused } from '../refusal.ts';
import type { XenSession } from './session.ts';

const PAGE_SIZE = 4096;
/** PROT_READ, bits/mman-linux.h. */
const PROT_READ = 1;
/** XENMEM_resource_grant_table_id_shared, xen/memory.h. */
const SHARED_FRAMES = 0;
/** xen/grant_table.h. */
const GNTST_PERMISSION_DENIED = -8;

/**
 * The grants of a domain that does not run yet: whoever built it made them, in the form of version 1, which every grant table
 * begins with.
 */
export function grantsOf(session: XenSession, domid: number): PageGrant[] {
  const { layout } = session;
  const { GTF_type_mask, GTF_readonly } = layout.constants;
  const { size, fields } = layout.structs.grant_entry_v1;
  const table = grantTable(session, domid);
  const found: PageGrant[] = [];
  for (let at = 0; at < table.length; at += size) {
    // Nearly all are unused: those are not looked at more closely.
    if ((table.readUInt16LE(at + fields.flags.offset) & GTF_type_mask) === 0) continue;
    const entry = new StructView(layout, 'grant_entry_v1', table.subarray(at, at + size));
    found.push({
      reference: at / size,
      to: entry.number('domid'),
      readOnly: (entry.number('flags') & GTF_readonly) !== 0,
      frame: entry.number('frame'),
    });
  }
  return found;
}

/** A copy of all frames that the table has; to map one more would make it grow. */
function grantTable(session: XenSession, domid: number): Buffer {
  const { xc, xch, layout } = session;
  const query = new StructView(layout, 'gnttab_query_size').set('dom', domid);
  xc.xc_gnttab_query_size({ xch, query: query.bytes });
  const status = query.number('status');
  if (status !== 0) {
    const errno = status === GNTST_PERMISSION_DENIED ? 'EACCES' : 'EINVAL';
    throw callRefused(attempts.readBack(domid), 'xc_gnttab_query_size', errno);
  }
  const count = query.number('nr_frames');
  if (count === 0) return Buffer.alloc(0);
  const { XENMEM_resource_grant_table: type } = layout.constants;
  const { memory, fmem } = session.foreign;
  // Asks for an address, and gets it.
  const address = Buffer.alloc(8);
  const resource = memory.xenforeignmemory_map_resource({
    ...{ fmem, domid, type, id: SHARED_FRAMES, frame: 0, count },
    ...{ address, protection: PROT_READ, flags: 0 },
  });
  const table = readMemory(address.readBigUInt64LE(), count * PAGE_SIZE);
  memory.xenforeignmemory_unmap_resource({ fmem, resource });
  return table;
}
