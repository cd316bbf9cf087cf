import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';
import { readText } from './ffi/memory.ts';

/** Functions of one kind of device: its struct is filled from JSON, and needs no layout here. */
type DeviceKind = 'disk' | 'nic' | 'pci';

const filled = {
  args: { context: 'pointer', device: 'bytes', json: 'string' },
  result: 'i32',
  fails: 'nonzero',
} as const;
const prepared = { args: { device: 'bytes' }, result: 'void', fails: 'never' } as const;
/** With a NULL for `how` it returns when all is done, hotplug scripts too; in a thread of its own meanwhile. */
const changed = {
  args: { context: 'pointer', domid: 'u32', device: 'bytes', how: 'bytes?' },
  result: 'i32',
  fails: 'nonzero',
  slow: true,
} as const;

/** The context of libxenlight (libxl.h). Its other structs can be filled from JSON without a layout. */
const LIBXL = {
  libxl_ctx_alloc: {
    args: { context: 'bytes', version: 'i32', flags: 'u32', logger: 'pointer' },
    result: 'i32',
    fails: 'nonzero',
  },
  libxl_ctx_free: { args: { context: 'pointer' }, result: 'i32', fails: 'nonzero' },
  libxl_domain_config_init: { args: { config: 'bytes' }, result: 'void', fails: 'never' },
  libxl_domain_config_from_json: {
    args: { context: 'pointer', config: 'bytes', json: 'string' },
    result: 'i32',
    fails: 'nonzero',
  },
  libxl_userdata_store: {
    args: { context: 'pointer', domid: 'u32', userid: 'string', data: 'bytes', length: 'i32' },
    result: 'i32',
    fails: 'nonzero',
  },
  // Its macros for older callers have other parameters; this is the function itself.
  libxl_domain_create_new: {
    args: {
      context: 'pointer',
      config: 'bytes',
      domid: 'bytes',
      how: 'bytes?',
      console: 'bytes?',
    },
    result: 'i32',
    fails: 'nonzero',
    slow: true,
  },
  libxl_domain_unpause: {
    args: { context: 'pointer', domid: 'u32', how: 'bytes?' },
    result: 'i32',
    fails: 'nonzero',
    slow: true,
  },
  libxl_domain_config_dispose: { args: { config: 'bytes' }, result: 'void', fails: 'never' },
  libxl_domain_destroy: {
    args: { context: 'pointer', domid: 'u32', how: 'bytes?' },
    result: 'i32',
    fails: 'nonzero',
    slow: true,
  },
  libxl_evenable_domain_death: {
    args: { context: 'pointer', domid: 'u32', user: 'u64', source: 'bytes' },
    result: 'i32',
    fails: 'nonzero',
  },
  libxl_evdisable_domain_death: {
    args: { context: 'pointer', source: 'pointer' },
    result: 'void',
    fails: 'never',
  },
  // Without a predicate all events of these types will do.
  libxl_event_wait: {
    args: {
      context: 'pointer',
      event: 'bytes',
      types: 'u64',
      predicate: 'bytes?',
      user: 'bytes?',
    },
    result: 'i32',
    fails: 'nonzero',
    slow: true,
  },
  libxl_event_to_json: {
    args: { context: 'pointer', event: 'pointer' },
    result: 'pointer',
    fails: 'null',
  },
  libxl_event_free: {
    args: { context: 'pointer', event: 'pointer' },
    result: 'void',
    fails: 'never',
  },
  libxl_device_disk_init: prepared,
  libxl_device_disk_from_json: filled,
  libxl_device_disk_dispose: prepared,
  libxl_device_disk_add: changed,
  libxl_device_disk_destroy: changed,
  libxl_device_nic_init: prepared,
  libxl_device_nic_from_json: filled,
  libxl_device_nic_dispose: prepared,
  libxl_device_nic_add: changed,
  libxl_device_nic_destroy: changed,
  libxl_device_pci_init: prepared,
  libxl_device_pci_from_json: filled,
  libxl_device_pci_dispose: prepared,
  libxl_device_pci_add: changed,
  libxl_device_pci_destroy: changed,
} as const satisfies Declarations;

export type Libxl = Library<typeof LIBXL>;

/** @param soname of the running release. Opening a context needs a running xenstored. */
export function openLibxl(soname: string): Libxl {
  return openLibrary(soname, LIBXL);
}

/** A device for libxl: which kind, and what its struct holds, in libxl's own JSON form. */
export interface LibxlDevice {
  kind: DeviceKind;
  json: string;
}

/** More than any struct of libxl takes; the largest, libxl_domain_config, has 1288 bytes. */
const STRUCT_BYTES = 4096;

/**
 * Attaches a device to a domain, and waits until its back end is there and its script has run. What a failed attempt leaves in
 * xenstore is taken away.
 * @throws CallError where libxl refuses it; its messages say why
 */
export async function addDevice(
  libxl: Libxl,
  context: bigint,
  domid: number,
  { kind, json }: LibxlDevice,
): Promise<void> {
  const device = Buffer.alloc(STRUCT_BYTES);
  libxl[`libxl_device_${kind}_init`]({ device });
  try {
    libxl[`libxl_device_${kind}_from_json`]({ context, device, json });
    try {
      await libxl[`libxl_device_${kind}_add`]({ context, domid, device, how: null });
    } catch (error) {
      // Whatever that says, the first failure is what there is to tell.
      await libxl[`libxl_device_${kind}_destroy`]({ context, domid, device, how: null }).catch(
        () => {},
      );
      throw error;
    }
  } finally {
    libxl[`libxl_device_${kind}_dispose`]({ device });
  }
}

/**
 * Creates a domain from a configuration in libxl's JSON form, builds it, attaches its devices, and leaves it paused.
 * @throws CallError where libxl refuses it; its messages say why, and it has taken away what it had made
 */
export async function createFromJson(libxl: Libxl, context: bigint, json: string): Promise<number> {
  const config = Buffer.alloc(STRUCT_BYTES);
  const domid = Buffer.alloc(4);
  libxl.libxl_domain_config_init({ config });
  try {
    libxl.libxl_domain_config_from_json({ context, config, json });
    await libxl.libxl_domain_create_new({ context, config, domid, how: null, console: null });
    return domid.readUInt32LE();
  } finally {
    libxl.libxl_domain_config_dispose({ config });
  }
}

/** How a domain ended: SHUTDOWN_* of xen/sched.h. */
export const shutdownReasons = [
  ...(['poweroff', 'reboot', 'suspend', 'crash', 'watchdog', 'soft_reset'] as const),
] as const;

export type ShutdownReason = (typeof shutdownReasons)[number];

/** A domain has stopped, and is there still, or it is gone. */
export type DomainEnd = { domid: number } & (
  | { kind: 'shutdown'; reason: ShutdownReason }
  | { kind: 'gone' }
);

/** LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN and _DEATH, as bits of a mask. */
const END_EVENTS = (1 << 1) | (1 << 2);
/** No event's text is longer. */
const MOST_TEXT = 4096;

/** Waits, in a thread of its own, for the end of a domain for which `libxl_evenable_domain_death` was called. */
export async function nextEnd(libxl: Libxl, context: bigint): Promise<DomainEnd> {
  const pointer = Buffer.alloc(8);
  const any = { predicate: null, user: null };
  await libxl.libxl_event_wait({ context, event: pointer, types: END_EVENTS, ...any });
  const event = pointer.readBigUInt64LE();
  try {
    // The few bytes of the text are given back when this program ends.
    return endOf(readText(libxl.libxl_event_to_json({ context, event }), MOST_TEXT));
  } finally {
    libxl.libxl_event_free({ context, event });
  }
}

/** What libxl's text of an event says: libxl_event of libxl_types.idl, without what is 0. */
export function endOf(text: string): DomainEnd {
  const event = JSON.parse(text) as {
    domid: number;
    'type.domain_shutdown'?: { shutdown_reason?: number };
  };
  const { domid, 'type.domain_shutdown': shutdown } = event;
  if (shutdown === undefined) return { domid, kind: 'gone' };
  // What Xen does not name is no orderly end.
  return {
    domid,
    kind: 'shutdown',
    reason: shutdownReasons[shutdown.shutdown_reason ?? 0] ?? 'crash',
  };
}
