import { copyFile, mkdir, mkdtemp, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { BootLoader } from '../platform/host/boot-loader.ts';
import {
  type HostKernel,
  hostKernel,
  isHostImage,
  keepsHandOver,
  placeHostImages,
  placeOwnImages,
  remakeInitramfs,
} from '../platform/host/host-images.ts';
import { hostMicrocode, type Microcode } from '../platform/host/microcode.ts';
import { type HostPlaces, hostPlaces } from '../platform/host/places.ts';
import { changesBetween, predictionOf } from '../platform/host/prediction.ts';
import {
  keepReleases,
  releaseBytes,
  releaseFiles,
  writeRelease,
} from '../platform/host/release.ts';
import { type HostState, readHostState, writeHostState } from '../platform/host/state.ts';
import { type ExitStatus, Failure, type Input, type Terminal, UsageError } from './command.ts';
import { failing } from './failing.ts';
import { agreed } from './host/ask.ts';
import { type HostChoices, knownChoices } from './host/choices.ts';
import { chosenLoader } from './host/chosen-loader.ts';
import { machineKiB, machineNotes } from './host/machine-notes.ts';
import { namesIn, type Prepared, prepareRelease, type Wanted } from './host/prepare.ts';
import { processors } from './host/processors.ts';
import { withoutRoot } from './host/without-root.ts';
import { safe } from './text.ts';

/** `domb install MANIFEST` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file = ''] = input.arguments;
  if (file === '-') throw new UsageError('the manifest is read twice', 'name it as a file');
  const dry = input.flags.has('dry-run');
  if (!dry) withoutRoot('install');
  return failing(async (): Promise<ExitStatus> => {
    const places = hostPlaces();
    const scratch = dry ? tmpdir() : places.variable;
    await mkdir(scratch, { recursive: true });
    const stage = await mkdtemp(join(scratch, 'domb-images-'));
    try {
      return await install(file, stage, places, input, terminal);
    } finally {
      await rm(stage, { recursive: true, force: true });
      // Where nothing came of it.
      if (!dry) await rmdir(places.variable).catch(() => {});
    }
  });
}

async function install(
  file: string,
  stage: string,
  places: HostPlaces,
  input: Input,
  terminal: Terminal,
): Promise<ExitStatus> {
  const choices = choicesFrom(input);
  sameLoader(knownChoices(places), choices);
  const loader = await chosenLoader(places, choices);
  await loader.check();
  const bytes = await readFile(file);
  const names = namesIn(bytes, file);
  const ownKernel = input.values.get('kernel');
  const kernel = names.some(isHostImage) ? hostKernel(places.root, ownKernel) : undefined;
  await placeOwnImages(input.values.get('images') ?? dirname(file), names, stage);
  if (kernel) await placeHostImages(kernel, names, stage);
  const wanted = await wantedRelease(file, bytes, stage, kernel, input);
  let prepared = await prepareRelease(wanted);
  const remake = kernel !== undefined && keepsHandOver(kernel.initrd) === false;
  const state = readHostState(places.state) ?? { version: 1 };
  const { microcode } = wanted;
  await show({ prepared, kernel, microcode, remake, places, state, file, loader }, terminal);
  if (!(await agreed(input, terminal))) return 0;

  if (kernel && remake) {
    await remakeInitramfs(kernel);
    if (keepsHandOver(kernel.initrd) === false) {
      throw new Failure(
        `${kernel.initrd} keeps no hand-over, also when it is made anew`,
        'install the package domb-dom0',
      );
    }
    await placeHostImages(kernel, names, stage);
    prepared = await prepareRelease(wanted);
  }
  const release = await writeRelease(places.releases, prepared.parts, state.good);
  await keep(places, { file, wanted, bytes, stage }, choices);
  await loader.begin();
  await arm(release, state, places, loader, terminal);
  return 0;
}

/** Has the next boot try a release, unless it is what boots already. */
export async function arm(
  release: string,
  { failure: _, trial: __, ...state }: HostState,
  places: HostPlaces,
  loader: BootLoader,
  terminal: Terminal,
): Promise<void> {
  const isGood = state.good === release;
  await writeHostState(places.state, isGood ? state : { ...state, trial: release });
  const gone = await keepReleases(places.releases, [state.good, state.previous, release]);
  await loader.refresh();
  if (isGood) {
    await loader.forget();
    terminal.write(`Release ${release} is what this machine boots already\n`);
  } else {
    await loader.tryOnce(release);
    terminal.write(
      `Release ${release} is tried once, at the next boot, and becomes the default when dom0 has received its hand-over\n`,
    );
  }
  for (const name of gone) terminal.write(`Removed: release ${name}\n`);
}

async function wantedRelease(
  file: string,
  bytes: Uint8Array,
  images: string,
  kernel: HostKernel | undefined,
  { values }: Input,
): Promise<Wanted> {
  const key = values.get('key');
  return {
    source: file,
    bytes,
    signature:
      key === undefined
        ? undefined
        : { key: await readFile(key), bytes: await readFile(`${file}.sig`) },
    images,
    policy: values.get('policy'),
    xenOptions: (values.get('xen-options') ?? '').split(' ').filter(Boolean),
    microcode: hostMicrocode('/', processors()),
    platformKiB: machineKiB(),
    title: kernel === undefined ? 'images of its own' : `Linux ${kernel.release}`,
  };
}

interface Shown {
  prepared: Prepared;
  kernel: HostKernel | undefined;
  microcode: Microcode | undefined;
  remake: boolean;
  places: HostPlaces;
  state: HostState;
  file: string;
  loader: BootLoader;
}

/** Everything that is about to be done. */
async function show(
  { prepared, kernel, microcode, remake, places, state, file, loader }: Shown,
  terminal: Terminal,
): Promise<void> {
  const { parts, manifest, memoryMiB, prediction } = prepared;
  const size = `${Math.ceil(releaseBytes(parts) / 2 ** 20)} MiB`;
  const before = state.good ?? state.trial;
  const former = before === undefined ? undefined : await predictionOf(places.releases, before);
  const lines = [
    `Manifest: ${safe(file)}, with ${manifest.domains.length} domains: ${manifest.domains.map(({ name }) => name).join(', ')}`,
    ...(kernel ? [`This host's kernel and initramfs: ${kernel.vmlinuz}, ${kernel.initrd}`] : []),
    ...(microcode ? [`Microcode, which Xen loads: ${microcode.files.join(', ')}`] : []),
    `domB's memory: ${memoryMiB} MiB`,
    `Xen's options: ${parts.xenOptions.join(' ')}`,
    `Options of domB's kernel: ${parts.kernelOptions.join(' ')}`,
    ...changesBetween(former, prediction),
    '',
    'What is done:',
    ...(remake ? [`  make ${kernel?.initrd} anew, so that it keeps the hand-over`] : []),
    `  write ${places.releases}/RELEASE: ${Object.values(releaseFiles).join(', ')}; ${size}`,
    `  write ${places.manifest}${'signature' in parts ? ` and ${places.signature}` : ''}, ${places.choices}, ${places.state}, ${places.images}`,
    ...loader.changes.map((change) => `  ${change}`),
    ...machineNotes(manifest).map((note) => `Note: ${note}`),
    '',
  ];
  terminal.write(lines.join('\n'));
}

interface Kept {
  file: string;
  wanted: Wanted;
  bytes: Uint8Array;
  stage: string;
}

/** Keeps what later releases are made from. */
async function keep(
  places: HostPlaces,
  { file, wanted, bytes, stage }: Kept,
  choices: HostChoices,
): Promise<void> {
  await mkdir(places.configuration, { recursive: true });
  await writeFile(places.manifest, bytes);
  await rm(places.signature, { force: true });
  await rm(places.key, { force: true });
  if (wanted.signature) {
    await copyFile(`${file}.sig`, places.signature);
    await writeFile(places.key, wanted.signature.key);
  }
  await writeFile(places.choices, `${JSON.stringify(choices, null, 2)}\n`);
  await rm(places.images, { recursive: true, force: true });
  await rename(stage, places.images);
}

/** @throws UsageError for options that do not go together */
function choicesFrom({ values, flags }: Input): HostChoices {
  const [kernel, policy] = [values.get('kernel'), values.get('policy')];
  const [key, certificate] = [values.get('efi-key'), values.get('efi-cert')];
  if ((key === undefined) !== (certificate === undefined)) {
    throw new UsageError('--efi-key and --efi-cert go together', 'give both, or none');
  }
  if (key !== undefined && !flags.has('efi')) {
    throw new UsageError('--efi-key is for EFI files', 'add --efi, or leave it out');
  }
  return {
    version: 1,
    ...(kernel === undefined ? {} : { kernel }),
    xenOptions: values.get('xen-options') ?? '',
    ...(policy === undefined ? {} : { policy: resolve(policy) }),
    ...(flags.has('efi') ? { efi: efiChoice(key, certificate) } : {}),
    signed: values.has('key'),
  };
}

/** @throws Failure where another boot loader has releases to start: nobody would tell it when these are gone */
function sameLoader(former: HostChoices | undefined, { efi }: HostChoices): void {
  if (former === undefined || (former.efi === undefined) === (efi === undefined)) return;
  const [now, other] = efi === undefined ? ['firmware', 'GRUB'] : ['GRUB', 'firmware'];
  throw new Failure(
    `${now} starts the releases of this host, and ${other} is to start these`,
    'run "domb uninstall" first: then this host boots as before domb until a release was good again',
  );
}

/** Later updates are made elsewhere. */
function efiChoice(key: string | undefined, certificate: string | undefined) {
  if (key === undefined || certificate === undefined) return {};
  return { key: resolve(key), certificate: resolve(certificate) };
}
