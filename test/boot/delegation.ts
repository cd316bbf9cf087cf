import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { compress } from '../../platform/images/compress.ts';
import { RootTree } from '../../platform/images/root-tree.ts';
import { type DomainDump, parseDomainDumps } from '../../platform/judge/xen-dump.ts';
import { foreignPolicy } from '../lib/flask-policy.ts';
import { outcomes, spoken } from './hostile/record.ts';
import { results } from './hostile/results.ts';
import { guestWithProber, PROBER, proberProgram } from './prober-guest.ts';
import { temporaryFile } from './support.ts';

/**
 * Who changes others' rights over hardware without having it, at each of the eight places where Xen asks (patch 19 of our series): a
 * broker, whom the policy lets do all that but `delegate`; an agent, whom it lets do that as well; and dom0, which has the hardware.
 * What they change is what the slot has, a virtual machine that never runs.
 */
const slot = 24;
const broker = { domid: 25, type: 'driver_t' };
const agent = { domid: 26, type: 'guarded_t' };

/** A kind of hardware that the emulated machine has and dom0 does not need, one for each of who tries. */
interface Hardware {
  frame: number;
  port: number;
  /** An interrupt that the caller has no number of its own for. */
  irq: number;
  /** One that the slot has already. */
  slots: number;
  /** One that the caller has had, and still has a number for. */
  held: number;
}
const others: Hardware = { frame: 0xfeb01, port: 0x310, irq: 11, slots: 6, held: 10 };
/** dom0 gives what it has bound. */
const own: Hardware = { frame: 0xfeb02, port: 0x318, irq: 9, slots: 6, held: 12 };

/** Each of the eight, in an order in which one needs what the one before did: the prober's line, and what is delegated. */
const eight = ({ frame, port, irq, slots, held }: Hardware): readonly [string, string][] => [
  [`iomem ${slot} ${frame}`, 'iomem_t'],
  [`map-iomem ${slot} ${frame}`, 'iomem_t'],
  [`ioport ${slot} ${port}`, 'ioport_t'],
  [`map-ioport ${slot} ${port}`, 'ioport_t'],
  [`irq ${slot} ${irq}`, 'irq_t'],
  [`bind-irq ${slot} ${slots}`, 'irq_t'],
  [`unbind-irq ${slot} ${slots}`, 'irq_t'],
  [`hold-irq ${slot} ${held}`, 'irq_t'],
];

/** What dom0 does not have: the driver domain's interrupt and port, and RAM. */
const nobodys = [`irq ${slot} 5`, `ioport ${slot} ${0x300}`, `iomem ${slot} ${0x1000}`];

/** Where Xen goes on to after it asked, without an IOMMU to bind to. */
const passed = (line: string) => (line.startsWith('bind-irq') ? results.ESRCH : 0);

const callers = `{ ${broker.type} ${agent.type} }`;
const hardware = '{ irq_t iomem_t ioport_t }';
const rules = `
allow ${callers} domU_t:resource { add remove };
allow ${callers} irq_t:resource { add_irq remove_irq };
allow ${callers} iomem_t:resource { add_iomem remove_iomem };
allow ${callers} ioport_t:resource { add_ioport remove_ioport };
allow ${callers} irq_t:hvm bind_irq;
allow { ${broker.type} ${agent.type} domU_t } ${hardware}:resource { use_iommu use_iommu_nointremap use_noiommu };
allow ${agent.type} ${hardware}:resource delegate;
allow dom0_t ${callers}:resource { add remove };
`;

/** Our policy with these modules of ours, and with what no assertion of ours would let anybody have. */
export async function delegationPolicy(...modules: readonly string[]): Promise<string> {
  const texts = await Promise.all(modules.map((path) => readFile(path, 'utf8')));
  return foreignPolicy([...texts, rules].join('\n'));
}

const caller = (name: string, { domid, type }: typeof broker) => `
  - name: ${name}
    domid: ${domid}
    ramdisk: [guest.cpio.zst, ${name}.cpio.zst]
    cmdline: console=hvc0 loglevel=5 domb.name=${name}
    seclabel: system_u:system_r:${type}
    autostart: false
`;

/** Domains of the manifest; dom0's ramdisk has `prober.cpio.zst` behind its own. */
export const delegationDomains = `${caller('broker', broker)}${caller('agent', agent)}
  - name: slot
    domid: ${slot}
    type: pvh
    autostart: false
`;

const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');

export async function delegationImages(): Promise<[string, string][]> {
  const program = await proberProgram();
  const image = async (name: string, fill?: (root: RootTree) => Promise<void>) => {
    const root = new RootTree();
    await root.copy(PROBER, program, 0o755);
    await fill?.(root);
    const file = `${name}.cpio.zst`;
    return [file, await temporaryFile(file, compress(root.archive()))] satisfies [string, string];
  };
  const guest = (name: string) =>
    image(name, async (root) => {
      const lines = [...eight(others).map(([line]) => line), ...nobodys];
      root.file('/usr/lib/domb/attempts', Buffer.from(text(lines)));
      await guestWithProber(root, `${PROBER} ${name} </usr/lib/domb/attempts\n`);
    });
  return Promise.all([image('prober'), guest('broker'), guest('agent')]);
}

const DOMID_SELF = 0x7ff0;

/** What dom0 does: as one who has the hardware; then it lets each of the others have and lose an interrupt, and try. */
const prepared = [
  `hold-irq ${DOMID_SELF} ${others.held}`,
  `hold-irq ${slot} ${own.slots}`,
  ...eight(own).map(([line]) => line),
  ...[broker, agent].flatMap(({ domid }) => [
    `hold-irq ${domid} ${others.held}`,
    `irq-away ${domid} ${others.held}`,
  ]),
];
export const delegationQuestion = `${PROBER} dom0 <<end
${text(prepared)}end
for each in 'broker ${broker.domid}' 'agent ${agent.domid}'; do
  set -- $each
  xl unpause $2
  tries=0
  until xl dmesg | grep -q "probe $1 end 0 0" || [ $((tries += 1)) -gt 120 ]; do sleep 0.5; done
done`;

/** What of the AVC lines on the console is the broker's. */
export const isBrokers = (line: string): boolean => line.includes(`:${broker.type} `);

export async function assertDelegation(t: TestContext, consoleText: string): Promise<void> {
  const tried = (who: string, line: string) =>
    outcomes(consoleText, who).get(line) ?? assert.fail(`${who} did not try ${line}`);

  await t.test('who has the hardware may change what others have of it, as ever', () => {
    for (const line of prepared) {
      assert.deepEqual(
        { line, ...tried('dom0', line) },
        { line, result: passed(line), denials: [] },
      );
    }
  });

  for (const [line, type] of eight(others)) {
    await t.test(`without "delegate", of who does not have it: ${line} is refused`, () => {
      const { result, denials } = tried('broker', line);
      const asked = `${broker.type} ${type} resource delegate`;
      assert.deepEqual(
        { result, asked: denials.map(spoken) },
        { result: results.EPERM, asked: [asked] },
      );
    });
    await t.test(`with it: ${line} is done`, () => {
      assert.deepEqual(tried('agent', line), { result: passed(line), denials: [] });
    });
  }

  await t.test(
    'what the hardware domain does not have nobody gives, and the policy is not asked',
    () => {
      for (const who of ['broker', 'agent']) {
        for (const line of nobodys) {
          assert.deepEqual(
            { who, line, ...tried(who, line) },
            { who, line, result: results.EPERM, denials: [] },
          );
        }
      }
    },
  );

  await t.test('what was given has arrived', () => {
    const has: Pick<DomainDump, 'ioports' | 'iomem' | 'interrupts'> =
      parseDomainDumps(consoleText).get(slot) ?? assert.fail('Xen said nothing of the slot');
    const { ioports, iomem, interrupts } = has;
    assert.deepEqual(
      { ioports, iomem, interrupts },
      { ioports: '310, 318', iomem: 'feb01-feb02', interrupts: '6, 9-12' },
    );
  });
}
