import { readFile } from 'node:fs/promises';
import { hostKernel, isHostImage, placeHostImages } from '../platform/host/host-images.ts';
import { hostMicrocode } from '../platform/host/microcode.ts';
import { type HostPlaces, hostPlaces } from '../platform/host/places.ts';
import { changesBetween, predictionOf } from '../platform/host/prediction.ts';
import { writeRelease } from '../platform/host/release.ts';
import { readHostState, writeHostState } from '../platform/host/state.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { type HostChoices, readChoices } from './host/choices.ts';
import { chosenLoader } from './host/chosen-loader.ts';
import { namesIn, prepareRelease } from './host/prepare.ts';
import { processors } from './host/processors.ts';
import { withoutRoot } from './host/without-root.ts';
import { arm } from './install.ts';

/** `domb update` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  withoutRoot('update');
  const places = hostPlaces();
  return failing(async (): Promise<ExitStatus> => {
    const choices = readChoices(places);
    try {
      await update(choices, places, input, terminal);
    } catch (error) {
      // Kept for "domb status": a hook of dpkg has nobody who reads.
      const state = readHostState(places.state) ?? { version: 1 };
      const reason = `no release could be made: ${(error as Error).message}`;
      await writeHostState(places.state, {
        ...state,
        failure: { when: new Date().toISOString(), reason },
      });
      throw error;
    }
    return 0;
  });
}

async function update(
  choices: HostChoices,
  places: HostPlaces,
  input: Input,
  terminal: Terminal,
): Promise<void> {
  const bytes = await readFile(places.manifest);
  const names = namesIn(bytes, places.manifest);
  const ofHost = names.some(isHostImage);
  const kernel = ofHost ? hostKernel(places.root, choices.kernel) : undefined;
  const changed = input.values.get('changed');
  if (changed !== undefined && changed !== kernel?.release) {
    terminal.write(`The boot domain starts dom0 with ${kernel?.release ?? 'other images'}\n`);
    return;
  }
  const loader = await chosenLoader(places, choices);
  await loader.check();
  if (kernel) await placeHostImages(kernel, names, places.images);
  const { parts, prediction } = await prepareRelease({
    source: places.manifest,
    bytes,
    images: places.images,
    signature: choices.signed
      ? { key: await readFile(places.key), bytes: await readFile(places.signature) }
      : undefined,
    policy: choices.policy,
    xenOptions: choices.xenOptions.split(' ').filter(Boolean),
    microcode: hostMicrocode(places.root, processors()),
    platformKiB: undefined,
    title: kernel === undefined ? 'images of its own' : `Linux ${kernel.release}`,
  });
  const state = readHostState(places.state) ?? { version: 1 };
  const release = await writeRelease(places.releases, parts, state.good);
  const before = state.good ?? state.trial;
  const former = before === undefined ? undefined : await predictionOf(places.releases, before);
  terminal.write(`${changesBetween(former, prediction).join('\n')}\n`);
  await arm(release, state, places, loader, terminal);
}
