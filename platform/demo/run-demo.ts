import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { Judgement } from '../judge/judgement.ts';
import type { Ask } from '../machine/answers.ts';
import type { VirtualMachine } from '../machine/machine.ts';
import type { DemoRun } from './arguments.ts';
import { checkBuilt, checkedManifest } from './checked-manifest.ts';
import { chosenParts, hasOwnDom0 } from './chosen-parts.ts';
import { openControl } from './control.ts';
import { firmwareMachine } from './firmware-machine.ts';
import { placeFile, placeImages } from './image-directory.ts';
import { keepRunning } from './keep.ts';
import { ownImageNames, platformParts } from './parts.ts';
import { type PlatformRun, type PlatformRunOptions, runPlatform } from './platform-run.ts';
import { Progress } from './progress.ts';
import { type Proof, proofJudgement, prove } from './proof.ts';
import { compared, summary } from './summary.ts';
import { runWatched, type WatchedRun } from './watched-run.ts';

const root = join(import.meta.dirname, '../..');

/** Where a demo that runs is found. */
export const controlSocket = (directory: string): string => join(directory, 'control.sock');
const imageDirectory = 'images';
/** The FLASK policy that was booted, for a verifier: it is measured. */
const policyFile = 'policy';
const usualManifest = ({ firmware }: DemoRun): string =>
  `boot-configs/${firmware ? 'firmware' : 'demo'}.yaml`;

/** Boots what `request` names and judges it; true when everything is as it should be. */
export async function runDemo(request: DemoRun, directory: string): Promise<boolean> {
  const ending = new AbortController();
  const end = () => ending.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  const own = await ownImageNames();
  const source = request.manifest ?? relative(process.cwd(), join(root, usualManifest(request)));
  const { manifest, bytes } = await checkedManifest(source, request, own);
  await mkdir(directory, { recursive: true });
  const control = await openControl(controlSocket(directory), end);
  try {
    return await new Demo(request, directory, source, ending.signal).run(manifest, bytes);
  } finally {
    control.close();
  }
}

/** One run of the demo. */
class Demo {
  readonly #request: DemoRun;
  readonly #directory: string;
  readonly #source: string;
  readonly #ending: AbortSignal;
  readonly #progress = new Progress();
  #machine: VirtualMachine | undefined;
  #proof: Proof | undefined;
  #judged: boolean | undefined;
  /** Whether a failure was told. */
  #told = false;

  constructor(request: DemoRun, directory: string, source: string, ending: AbortSignal) {
    this.#request = request;
    this.#directory = directory;
    this.#source = source;
    this.#ending = ending;
    ending.addEventListener('abort', () => void this.#end());
  }

  async run(manifest: Manifest, bytes: Buffer): Promise<boolean> {
    const scratch = await mkdtemp(join(tmpdir(), 'domb-demo-'));
    try {
      await this.#boot(manifest, bytes, scratch);
      if (this.#request.keep) this.#progress.heading('The machine has ended.');
    } catch (error) {
      if (this.#judged === undefined && !this.#told) this.#tell(error);
    } finally {
      await rm(scratch, { recursive: true });
    }
    return this.#judged ?? false;
  }

  async #boot(manifest: Manifest, bytes: Buffer, scratch: string): Promise<void> {
    const progress = this.#progress;
    progress.heading('Building what is missing');
    const built = await platformParts(progress.phase);
    const say = (line: string) => progress.heading(line);
    const parts = await chosenParts(built, manifest, this.#request.images, say);
    await placeImages(join(this.#directory, imageDirectory), parts.images);
    const images = join(this.#directory, imageDirectory);
    await placeFile(join(this.#directory, policyFile), parts.policy);
    await checkBuilt(this.#source, bytes, images, parts.policy);
    const { memoryMiB, cpus, firmware } = this.#request;
    const own = await hasOwnDom0(manifest, parts, built);
    if (firmware && !own)
      throw new Error("--firmware needs the demo's own dom0, which can be asked");
    const through = firmware ? 'OVMF with Secure Boot, Xen' : 'Xen';
    progress.heading(`Booting ${this.#source} on the virtual platform (QEMU, ${through}, swtpm)`);
    const options: PlatformRunOptions = {
      ...{ manifestBytes: bytes, source: this.#source, parts, memoryMiB, cpus },
      ...{ directory: this.#directory, kept: [imageDirectory, policyFile, 'control.sock'] },
      report: progress.phase,
      ...(firmware || manifest.platform.iommu === 'required' ? { devices: ['intel-iommu'] } : {}),
      ...(firmware ? await firmwareMachine(scratch) : {}),
      isOwnImage: (name) => parts.images.get(name) === built.images.get(name),
      failed: (error, machine) => this.#lookInto(error, machine),
      started: (machine) => {
        this.#machine = machine;
      },
    };
    if (own) {
      await runPlatform({
        ...options,
        converse: async (ask) => {
          if (firmware) this.#proof = await this.#prove(ask, images, parts.policy);
        },
        afterwards: async (run, machine) => {
          await this.#asked(run);
          await this.#keep(machine, true);
        },
      });
    } else {
      await runWatched(options, async (run, machine) => {
        await this.#watched(run);
        await this.#keep(machine, false);
      });
    }
  }

  #prove(ask: Ask, images: string, policy: string): Promise<Proof> {
    const known = { directory: this.#directory, manifest: this.#source, images, policy };
    return prove(ask, known, this.#progress.phase);
  }

  async #asked(run: PlatformRun): Promise<void> {
    const { record, times } = run;
    const proof = this.#proof;
    const checks = [...run.checks, ...(proof ? [proofJudgement(proof)] : [])];
    const ok = checks.every((check) => check.ok);
    const host = this.#progress.phases;
    const timeline = { host, bootDomain: { ...times, steps: record.timeline } };
    await this.#write('timeline.json', timeline);
    await this.#write('result.json', {
      ...{ ok, manifest: this.#source, checks, domains: record.domains, bootDomain: times },
    });
    this.#progress.heading(summary({ ...run, checks }, proof));
    this.#conclude(
      checks,
      proof
        ? 'The platform came up, and the evidence proves what booted.'
        : 'The platform came up, and nothing in the evidence is wrong.',
    );
  }

  async #watched({ judgements, unchecked }: WatchedRun): Promise<void> {
    const ok = judgements.every((one) => one.ok);
    await this.#write('timeline.json', { host: this.#progress.phases });
    await this.#write('result.json', { ok, manifest: this.#source, checks: judgements, unchecked });
    this.#progress.heading(`
What was compared
${compared(judgements)}

What was not checked: this dom0 is not the demo's and was asked nothing
${unchecked.map((what) => `  -      ${what}`).join('\n')}
`);
    this.#conclude(judgements, 'The platform came up, as far as Xen and domB can tell.');
  }

  #conclude(judgements: readonly Judgement[], good: string): void {
    this.#judged = judgements.every((one) => one.ok);
    this.#progress.heading(this.#judged ? good : 'The demo FAILED: see the lines above.');
    const place = relative(process.cwd(), this.#directory);
    this.#progress.heading(
      `Files: ${place}/{console.log,timeline.json,result.json}, the images in ${place}/${imageDirectory}, the policy in ${place}/${policyFile}`,
    );
  }

  async #write(name: string, value: unknown): Promise<void> {
    await writeFile(join(this.#directory, name), `${JSON.stringify(value, null, 2)}\n`);
  }

  async #keep(machine: VirtualMachine, shells: boolean): Promise<void> {
    if (!this.#request.keep || this.#ending.aborted) return;
    const { output } = this.#request;
    const command = `npm run demo --${output === undefined ? '' : ` --output ${output}`}`;
    await keepRunning(machine, this.#directory, command, shells, (how) =>
      this.#progress.heading(how),
    );
  }

  /** Somebody wants it to end. Without a machine, what is being built is left as it is. */
  async #end(): Promise<void> {
    if (this.#machine) return this.#machine.stop();
    console.error('\nThe demo was ended.');
    process.exit(1);
  }

  /** A boot that failed can be looked into as well, as long as the machine runs. */
  async #lookInto(error: unknown, machine: VirtualMachine): Promise<void> {
    if (this.#judged !== undefined) return;
    this.#tell(error);
    const ended = machine.ended.then(() => true);
    const runs = setTimeout(1000, false);
    if (!(await Promise.race([ended, runs]))) await this.#keep(machine, false);
  }

  #tell(error: unknown): void {
    this.#told = true;
    if (this.#ending.aborted) {
      console.error('\nThe demo was ended.');
      return;
    }
    const message = error instanceof Error ? error.message : String(error);
    console.error(`\nThe demo FAILED.\n${message}`);
    if (!this.#machine) return;
    const tail = this.#machine.console.tail();
    if (!message.includes('The console said last:')) console.error(tail);
    console.error(`All of it: ${join(relative(process.cwd(), this.#directory), 'console.log')}`);
  }
}
