import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulatedHypervisor, type SimulatedXen } from '../../../bindings/simulator.ts';
import { abort } from '../../../daemon/abort.ts';
import { bringUp, launch } from '../../../daemon/boot.ts';
import { execute } from '../../../daemon/execute.ts';
import { BootFailure } from '../../../daemon/failure.ts';
import { openLog } from '../../../daemon/log.ts';
import { paths, type Settings } from '../../../daemon/settings.ts';
import { BootState } from '../../../daemon/state.ts';
import { Timeline } from '../../../daemon/timeline.ts';
import { type FakeMachine, fakeMachine } from '../../lib/fake-machine.ts';
import { TpmSimulator } from '../../lib/tpm-simulator.ts';

/** A small ELF header is all that the simulated builder looks at. */
export const kernel = Buffer.concat([
  Buffer.from('7f454c46020101000000000000000000', 'hex'),
  Buffer.alloc(4096, 'kernel'),
]);

export const manifest = `version: 1
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

export interface Rig {
  state: BootState;
  machine: FakeMachine;
  hypervisor: SimulatedHypervisor;
  tpm: TpmSimulator;
  /** The domid that the boot domain itself has. */
  bootDomid: number | undefined;
  /** What the operator reads on the console. */
  console: () => string;
  /** Runs the whole boot, as main.ts does: an error ends in abort(). */
  run: () => Promise<void>;
}

export interface RigOptions {
  manifest?: string;
  xen?: Partial<SimulatedXen>;
  files?: Record<string, Uint8Array | string | undefined>;
  noTpm?: boolean;
}

/** A boot over the simulated hypervisor and TPM. */
export async function rig(options: RigOptions = {}): Promise<Rig> {
  const files = new Map<string, Uint8Array | string>([
    [paths.manifest, options.manifest ?? manifest],
    [`${paths.images}/vmlinux`, kernel],
    [`${paths.images}/vtpm.cpio`, 'vtpm ramdisk'],
    [`${paths.images}/dom0.cpio`, 'dom0 ramdisk'],
  ]);
  for (const [path, data] of Object.entries(options.files ?? {})) {
    if (data === undefined) files.delete(path);
    else files.set(path, data);
  }
  const hypervisor = new SimulatedHypervisor(options.xen);
  const tpm = new TpmSimulator(['sha1', 'sha256', 'sha384']);
  const openTpm = async () => {
    if (options.noTpm) throw new BootFailure('no TPM 2.0: /dev/tpmrm0 does not exist', 'enable it');
    return tpm;
  };
  const logDirectory = await mkdtemp(join(tmpdir(), 'domb-boot-'));
  const machine = fakeMachine({ files, openTpm, hypervisor, logDirectory });
  let time = 0;
  const lines: string[] = [];
  const log = openLog(
    () => ++time,
    (text) => lines.push(text),
  );
  const settings: Settings = { pcr: 13, onFailure: 'halt', modules: ['/lib/a.ko'] };
  const state = new BootState(machine, settings, log, new Timeline(() => ++time, 0));
  const run = async () => {
    try {
      await execute(bringUp, state);
      await execute(launch(state.manifest), state);
      machine.end('halt');
    } catch (error) {
      await abort(state, error);
    }
  };
  const bootDomid = hypervisor.domains()[0]?.domid;
  return { bootDomid, state, machine, hypervisor, tpm, console: () => lines.join(''), run };
}
