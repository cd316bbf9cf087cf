import { objectName } from 'node-tpm2-pts';
import type { HypervisorItem, MeasuredItem } from '../../../../measurement/events.ts';
import {
  BOOT_TARGET,
  bootItems,
  eventsOf,
  HYPERVISOR_ITEM,
  ITEMS,
  logOf,
} from '../../../lib/evidence.ts';
import {
  ak,
  except,
  expected,
  type Forgery,
  flipped,
  forger,
  genuine,
  platform,
  quoting,
  without,
} from './forgery.ts';

const items = bootItems(ak);
const action: MeasuredItem = {
  ...{ event: 'script-action', script: 'evil', action: 'configure' },
  arguments: ['dom0', { memory: 1 }],
};
const fact: MeasuredItem = { event: 'machine-fact', script: 'evil', fact: 'smbios', value: null };
const script: MeasuredItem = {
  ...{ event: 'script', script: 'evil', at: 'before_planning', size: 1 },
  digests: { sha256: '00'.repeat(32) },
};
const lost: MeasuredItem = { event: 'error', what: 'build vtpm: no memory', domain: 'vtpm' };

const others = items.filter((item) => item !== HYPERVISOR_ITEM);
/** The boot under a Xen of which this was measured. */
const under = (measured: Partial<HypervisorItem>): MeasuredItem[] => [
  { ...HYPERVISOR_ITEM, ...measured },
  ...others,
];
/** What is measured of a manifest that requires an IOMMU. */
const requiring = ITEMS.map((item) =>
  item.event === 'configuration'
    ? { ...item, configuration: { version: 2, platform: { iommu: 'required' } } }
    : item,
);

const readBack = (domain: string, domid: number): MeasuredItem => {
  const own = items.find((item) => item.event === 'identity' && item.domain === domain);
  const uuid = own?.event === 'identity' ? own.uuid : '';
  return { event: 'read-back', domain, domid, has: { uuid }, unread: [] };
};

const bare = () => {
  const { bootLog: _, ...evidence } = genuine;
  return evidence;
};
const booted = (...boot: MeasuredItem[]) => platform({ boot });

/** Deceptions about what differs at each boot: UUIDs, the quoting key, what scripts changed, which domains came up. */
export const bootLogForgeries: readonly Forgery[] = [
  {
    name: "the boot's own log left out, to hide what scripts changed",
    has: 'the files',
    forged: bare,
    ends: 'refused: boot-log',
  },
  {
    name: 'the same, for a verifier who does not know its register',
    has: 'the files',
    forged: bare,
    under: () => without('bootPcr'),
    ends: 'refused: registers',
  },
  {
    name: 'the same, and its register left out of the quote',
    has: 'dom0',
    forged: () => {
      const { bootLog: _, ...evidence } = quoting(except(genuine.pcrs, 12), bare());
      return evidence;
    },
    under: () => without('bootPcr'),
    ends: 'unproven: boot-log',
  },
  {
    name: "another boot's log, with its UUIDs",
    has: 'files of other boots',
    forged: () => ({ ...genuine, bootLog: platform().bootLog as Buffer }),
    ends: 'refused: boot-log',
  },
  {
    name: "one bit of the boot's own log changed",
    has: 'the files',
    forged: () => ({ ...genuine, bootLog: flipped(genuine.bootLog as Buffer) }),
    ends: 'refused: boot-log',
  },
  {
    name: "rubbish in the place of the boot's own log",
    has: 'the files',
    forged: () => ({ ...genuine, bootLog: Buffer.alloc(100, 0xa5) }),
    ends: 'refused: boot-log',
  },
  {
    name: "an empty log of the boot's own",
    has: 'the files',
    forged: () => ({ ...genuine, bootLog: Buffer.alloc(0) }),
    ends: 'refused: boot-log',
  },
  {
    name: 'one that was cut off before its cap',
    has: 'the files',
    forged: () => ({
      ...genuine,
      bootLog: logOf(eventsOf(items, { target: BOOT_TARGET, capped: false })),
    }),
    ends: 'refused: boot-log',
  },
  {
    name: 'its register without a cap',
    has: 'another system on the platform',
    forged: () => platform({ bootEvents: eventsOf(items, { target: BOOT_TARGET, capped: false }) }),
    ends: 'refused: boot-log',
  },
  {
    name: 'one that names another key than the one that quoted',
    has: 'another system on the platform',
    forged: () => booted(...bootItems(forger)),
    ends: 'refused: boot-log',
  },
  {
    name: 'one that names no key',
    has: 'another system on the platform',
    forged: () => booted(...items.slice(0, 2)),
    ends: 'refused: boot-log',
  },
  {
    name: 'one that names two keys',
    has: 'another system on the platform',
    forged: () =>
      booted(...items, {
        event: 'attestation-key',
        name: objectName(forger.publicArea).toString('hex'),
      }),
    ends: 'refused: boot-log',
  },
  {
    name: 'a second hypervisor in it, which keeps devices from memory',
    has: 'another system on the platform',
    forged: () => booted({ ...HYPERVISOR_ITEM, dma: 'open' }, ...items),
    ends: 'refused: boot-log',
  },
  {
    name: 'a Xen that let devices reach all memory, where the configuration requires an IOMMU',
    has: 'another system on the platform',
    forged: () => platform({ items: requiring, boot: under({ dma: 'open' }) }),
    under: () => ({ ...expected, items: requiring }),
    ends: 'refused: hypervisor',
  },
  {
    name: 'the same, and nothing measured of Xen',
    has: 'another system on the platform',
    forged: () => platform({ items: requiring, boot: others }),
    under: () => ({ ...expected, items: requiring }),
    ends: 'refused: hypervisor',
  },
  {
    name: "another option of Xen's than those of the EFI file",
    has: 'another system on the platform',
    forged: () => platform({ boot: under({ commandLine: 'boot-domain pv-l1tf=no' }) }),
    under: () => ({ ...expected, xenCommandLine: 'dom0_mem=768M boot-domain' }),
    ends: 'refused: hypervisor',
  },
  {
    name: 'a device that wrote into memory, under a Xen that let it',
    has: 'a part of the boot',
    forged: () => platform({ boot: under({ dma: 'open' }) }),
    ends: 'unproven: dma',
  },
  {
    name: 'the same, under a domB that measured nothing of it',
    has: 'a part of the boot',
    forged: () => platform({ boot: others }),
    ends: 'unproven: dma',
  },
  {
    name: 'an image in it, which belongs into the other log',
    has: 'another system on the platform',
    forged: () => booted(ITEMS[3] as MeasuredItem, ...items),
    ends: 'refused: boot-log',
  },
  {
    name: 'one that says of one domain only what it has',
    has: 'a part of the boot',
    forged: () => booted(...items, readBack('vtpm', 32736)),
    ends: 'refused: read-back',
  },
  {
    name: 'one that says what another domain has, under the name of one that booted',
    has: 'a part of the boot',
    forged: () => booted(...items, readBack('vtpm', 32736), readBack('dom0', 5)),
    ends: 'refused: read-back',
  },
  {
    name: 'a change by a script that nobody measured',
    has: 'a part of the boot',
    forged: () => booted(action, ...items),
    ends: 'refused: scripts',
  },
  {
    name: 'a script that looked at the machine and that nobody measured',
    has: 'a part of the boot',
    forged: () => booted(fact, ...items),
    ends: 'refused: scripts',
  },
  {
    name: 'a change by a script that was measured, and that nobody expects',
    has: 'a part of the boot',
    forged: () => platform({ items: [script, ...ITEMS], boot: [action, ...items] }),
    ends: 'refused: items',
  },
  {
    name: 'a domain that was given up, on a platform that looks like any other',
    has: 'a part of the boot',
    forged: () => booted(lost, ...items),
    ends: 'unproven: domains',
  },
  {
    name: 'a boot that failed and ended in its recovery domain',
    has: 'a part of the boot',
    forged: () =>
      platform({
        items: [
          ...ITEMS,
          { ...(ITEMS[6] as MeasuredItem), domain: 'rescue', role: 'recovery' } as MeasuredItem,
          { event: 'error', what: 'dom0 does not start' },
        ],
        boot: [
          ...items,
          {
            event: 'identity',
            domain: 'rescue',
            domid: 0,
            uuid: '00000000-0000-4000-8000-000000000000',
          },
        ],
      }),
    ends: 'refused: items',
  },
  {
    name: "a verifier who takes the boot's register for another one",
    has: "the verifier's side",
    forged: () => genuine,
    under: () => ({ ...expected, bootPcr: 14 }),
    ends: 'refused: boot-log',
  },
];
