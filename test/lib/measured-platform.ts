import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAk, flushContext, objectName } from 'node-tpm2-pts';
import type { MeasuredItem } from '../../measurement/events.ts';
import { BOOT_LOG_FILE_NAME, MeasurementLog } from '../../measurement/measurement-log.ts';
import { elf, pvNotes } from '../unit/boot-configs/elf-builder.ts';
import { type DombRun, domb, file } from './domb.ts';
import { ramdiskWith } from './ramdisk-with.ts';
import { type Swtpm, startSwtpm } from './swtpm.ts';

export interface MeasuredShape {
  /** boot-configs/demo.yaml when left out. */
  manifest?: string;
  images?: Readonly<Record<string, Buffer>>;
  /** What differs at each boot, beside the key that quotes. */
  bootItems?: readonly MeasuredItem[];
}

/** A TPM into which a boot was measured, with its images and logs: what commands about evidence need. */
export class MeasuredPlatform {
  readonly swtpm: Swtpm;
  readonly directory: string;
  readonly manifest: string;

  private constructor(swtpm: Swtpm, directory: string, manifest: string) {
    this.swtpm = swtpm;
    this.directory = directory;
    this.manifest = manifest;
  }

  static async make({
    manifest = file('boot-configs/demo.yaml'),
    images = {
      vmlinux: elf({ notes: pvNotes }),
      'vtpm.cpio.zst': ramdiskWith('the vTPM'),
      'dom0.cpio.zst': ramdiskWith('domain 0'),
    },
    bootItems = [],
  }: MeasuredShape = {}): Promise<MeasuredPlatform> {
    const directory = await mkdtemp(join(tmpdir(), 'domb-measured-'));
    const platform = new MeasuredPlatform(await startSwtpm(), directory, manifest);
    for (const name of ['images', 'logs']) await mkdir(platform.at(name));
    for (const [name, bytes] of Object.entries(images)) {
      await writeFile(platform.at(`images/${name}`), bytes);
    }
    await platform.#boot(bootItems);
    return platform;
  }

  at(name: string): string {
    return join(this.directory, name);
  }

  /** The options that say what was booted, for `domb verify` and its like. */
  get expected(): string[] {
    return ['--manifest', this.manifest, '--no-policy', '--images', this.at('images')];
  }

  /** Fresh evidence with this nonce, in `output`. */
  quote(nonce: string, output: string): Promise<DombRun> {
    const device = `unix:${this.swtpm.socket}`;
    const [logs, into] = [this.at('logs'), this.at(output)];
    return domb(['quote', '--nonce', nonce, '--device', device, '--logs', logs, '--output', into]);
  }

  /** Measures as a boot does, into both registers. */
  async #boot(bootItems: readonly MeasuredItem[]): Promise<void> {
    const reference = this.at('p.reference');
    const options = ['--no-policy', '--images', this.at('images'), '--reference-out', reference];
    const predicted = await domb(['predict', this.manifest, ...options]);
    if (predicted.status !== 0) throw new Error(predicted.error);
    const { items } = JSON.parse(await readFile(reference, 'utf8'));
    const tpm = await this.swtpm.connect();
    try {
      const directory = this.at('logs');
      const log = await MeasurementLog.open({ tpm, pcr: 13, directory });
      const name = BOOT_LOG_FILE_NAME;
      const bootLog = await MeasurementLog.open({ tpm, pcr: 12, directory, name });
      for (const item of items) await log.measure(item);
      for (const item of bootItems) await bootLog.measure(item);
      const ak = await createAk(tpm);
      await flushContext(tpm, ak.handle);
      await bootLog.measure({
        event: 'attestation-key',
        name: objectName(ak.publicArea).toString('hex'),
      });
      for (const each of [log, bootLog]) {
        await each.cap();
        await each.close();
      }
    } finally {
      await tpm.close();
    }
  }

  async stop(): Promise<void> {
    await this.swtpm.stop();
    await rm(this.directory, { recursive: true });
  }
}
