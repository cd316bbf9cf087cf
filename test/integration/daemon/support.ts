import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connectUnix, pcrBanks, pcrRead, Tpm, type Transport } from 'node-tpm2-pts';
import { SimulatedHypervisor, type SimulatedXen } from '../../../bindings/simulator.ts';
import { BootFailure } from '../../../daemon/plan/failure.ts';
import { paths, type Settings } from '../../../daemon/plan/settings.ts';
import { openDaemonLog } from '../../../daemon/run/log.ts';
import { runBoot } from '../../../daemon/run/run-boot.ts';
import { EarlyState, type QuotedState } from '../../../daemon/run/state.ts';
import { Timeline } from '../../../daemon/run/timeline.ts';
import { type FakeMachine, fakeMachine } from '../../lib/fake-machine.ts';
import { FaultyTransport } from '../../lib/faulty-transport.ts';
import { type Swtpm, startSwtpm } from '../../lib/swtpm.ts';

/** A small ELF header is all that the simulated builder looks at. */
export const kernel = Buffer.concat([
  Buffer.from('7f454c46020101000000000000000000', 'hex'),
  Buffer.alloc(4096, 'kernel'),
]);

/** As much of a compiled policy as the simulator looks at: POLICYDB_MAGIC. */
export const policy = Buffer.concat([Buffer.from('8cff7cf9', 'hex'), Buffer.alloc(64, 'rules')]);

export const manifest = `version: 2
domains:
  - name: vtpm
    domid: 0x7FE0
    type: pv
    memory: 128MiB
    vcpus: 1
    kernel: vmlinux
    ramdisk: vtpm.cpio
    seclabel: system_u:system_r:vtpm_t
  - name: dom0
    domid: 0
    type: pv
    memory: 512MiB
    vcpus: 1
    kernel: vmlinux
    ramdisk: dom0.cpio
    seclabel: system_u:system_r:dom0_t
    capabilities: [control, hardware, xenstore]
    after: [vtpm]
`;

/** The same with a recovery domain. */
export const recoverable = `${manifest.replace('version: 2\n', 'version: 2\nplatform: { on_failure: recovery }\n')}  - name: rescue
    recovery: true
    domid: 0
    type: pv
    memory: 256MiB
    kernel: vmlinux
    ramdisk: rescue.cpio
    seclabel: system_u:system_r:dom0_t
    capabilities: [control, hardware, xenstore]
`;

export interface Rig {
  /** What a boot that got to its seal has; of another, only what it got to is there. */
  state: QuotedState;
  /** The same, of a boot that may have ended before. */
  early: EarlyState;
  machine: FakeMachine;
  hypervisor: SimulatedHypervisor;
  /** The connection to a real swtpm. */
  tpm: FaultyTransport;
  /** A PCR as the TPM has it, in every bank. */
  pcr: (index: number) => Promise<Map<string, Buffer>>;
  /** The domid that the boot domain itself has. */
  bootDomid: number | undefined;
  /** What the operator reads on the console. */
  console: () => string;
  /** Leaves the TPM to others. */
  disconnect: () => Promise<void>;
  /** Runs the whole boot, as main.ts does. */
  run: () => Promise<void>;
}

export interface RigOptions {
  manifest?: string;
  xen?: Partial<SimulatedXen>;
  /** Stands between the daemon and its hypervisor and machine. */
  between?: <T extends object>(what: string, inner: T) => T;
  files?: Record<string, Uint8Array | string | undefined>;
  noTpm?: boolean;
  /** Makes something of the TPM before the boot. */
  prepareTpm?: (swtpm: Swtpm) => Promise<unknown>;
  firmwareLog?: Buffer;
  /** Words of physical memory. */
  memory?: ReadonlyMap<number, number>;
  /** The boot image holds a public key. */
  signed?: boolean;
}

/** A boot over the simulated hypervisor and a real swtpm, which ends with the test. */
export async function rig(test: TestContext, options: RigOptions = {}): Promise<Rig> {
  const settings: Settings = {
    ...{ pcr: 13, bootPcr: 12, policy: true, signed: options.signed ?? false },
    onFailure: 'halt',
    modules: ['/lib/a.ko'],
  };
  const files = new Map<string, Uint8Array | string>([
    [paths.settings, JSON.stringify(settings)],
    [paths.manifest, options.manifest ?? manifest],
    [paths.policy, policy],
    [`${paths.images}/vmlinux`, kernel],
    [`${paths.images}/vtpm.cpio`, 'vtpm ramdisk'],
    [`${paths.images}/dom0.cpio`, 'dom0 ramdisk'],
    [`${paths.images}/rescue.cpio`, 'rescue ramdisk'],
  ]);
  for (const [path, data] of Object.entries(options.files ?? {})) {
    if (data === undefined) files.delete(path);
    else files.set(path, data);
  }
  const hypervisor = new SimulatedHypervisor(options.xen);
  const swtpm = await startSwtpm();
  test.after(() => swtpm.stop());
  await options.prepareTpm?.(swtpm);
  const carrier = await connectUnix(swtpm.socket);
  test.after(() => carrier.close());
  const tpm = new FaultyTransport(carrier);
  const between = options.between ?? ((_, inner) => inner);
  const openTpm = async (): Promise<Transport> => {
    if (machine.deeds.includes('release TPM')) throw new BootFailure('no TPM: released', 'none');
    if (options.noTpm) throw new BootFailure('no TPM 2.0: /dev/tpmrm0 does not exist', 'enable it');
    return between('TPM', tpm);
  };
  const logDirectory = await mkdtemp(join(tmpdir(), 'domb-boot-'));
  test.after(() => rm(logDirectory, { recursive: true }));
  const machine = fakeMachine({
    ...{ files, openTpm, logDirectory },
    hypervisor: between('hypervisor', hypervisor),
    firmwareLog: options.firmwareLog,
    memory: options.memory,
  });
  let time = 0;
  const lines: string[] = [];
  const log = openDaemonLog(
    () => ++time,
    (text) => lines.push(text),
  );
  const timeline = new Timeline(() => ++time, 0);
  const early = new EarlyState(between('machine', machine), log, timeline);
  const state = early as QuotedState;
  const run = () => runBoot(early);
  const bootDomid = hypervisor.domains()[0]?.domid;
  const pcr = async (index: number) => {
    const reader = new Tpm(carrier);
    const banks = await pcrBanks(reader);
    const values = await pcrRead(
      reader,
      banks.map(({ bank }) => ({ bank, pcrs: [index] })),
    );
    return new Map([...values].map(([bank, held]) => [bank, held.get(index) as Buffer]));
  };
  return {
    pcr,
    bootDomid,
    state,
    early,
    machine,
    hypervisor,
    tpm,
    disconnect: () => carrier.close(),
    console: () => lines.join(''),
    run,
  };
}
