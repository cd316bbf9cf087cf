import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { hostPlaces } from '../platform/host/places.ts';
import { keepReleases } from '../platform/host/release.ts';
import { isReleaseName, readHostState, settle, writeHostState } from '../platform/host/state.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { handedOverPaths } from './handed-over.ts';
import { knownChoices } from './host/choices.ts';
import { chosenLoader } from './host/chosen-loader.ts';
import { withoutRoot } from './host/without-root.ts';

/** `domb settle` */
export async function run(_: Input, terminal: Terminal): Promise<ExitStatus> {
  withoutRoot('settle');
  return failing(async (): Promise<ExitStatus> => {
    const places = hostPlaces();
    const state = readHostState(places.state);
    if (state?.trial === undefined) {
      terminal.write('nothing to settle: no release is on trial\n');
      return 0;
    }
    const loader = await chosenLoader(places, knownChoices(places) ?? {});
    const seen = await loader.seen(state.trial);
    const result = settle(
      state,
      {
        booted:
          existsSync(handedOverPaths.record) && isReleaseName(seen.booted)
            ? seen.booted
            : undefined,
        pending: seen.pending,
        tried: seen.tried,
        // The recovery domain receives a hand-over, too.
        received: existsSync(handedOverPaths.received) && !existsSync(handedOverPaths.failure),
        reason: reasonOfFailure(),
      },
      new Date().toISOString(),
    );
    await writeHostState(places.state, result.state);
    if (result.does === 'nothing') {
      terminal.write(`release ${state.trial} is still to be tried, at the next boot\n`);
      return 0;
    }
    const { release } = result;
    if (result.does === 'try-again') {
      await loader.tryOnce(release);
      terminal.write(`release ${release} was not chosen, and is tried at the next boot\n`);
    }
    if (result.does === 'promote') {
      await loader.promote(release);
      const { good, previous } = result.state;
      const gone = await keepReleases(places.releases, [good, previous]);
      // It knows the others since they were made.
      if (gone.length > 0) await loader.refresh();
      terminal.write(`release ${release} is good, and the default from now on\n`);
    }
    if (result.does === 'give-up') {
      await keepReleases(places.releases, [result.state.good, result.state.previous]);
      await loader.refresh();
      terminal.writeError(`release ${release} failed: ${result.state.failure?.reason}\n`);
      terminal.writeError('this machine boots what it booted before\n');
    }
    return 0;
  });
}

/** What domB, or the service that receives, has said of it. */
function reasonOfFailure(): string | undefined {
  if (existsSync(handedOverPaths.failure)) {
    return readFileSync(handedOverPaths.failure, 'utf8').slice(0, 4000).trim();
  }
  const request = ['-b', '-u', 'domb-receive.service', '-o', 'cat', '-n', '20', '--no-pager'];
  const { stdout, status } = spawnSync('journalctl', request, { encoding: 'utf8' });
  const lines = (stdout ?? '').split('\n').filter((line) => line.startsWith('domb-receive: '));
  return status === 0 && lines.length > 0 ? lines.join('\n') : undefined;
}
