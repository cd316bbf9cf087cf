import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { recordFile } from '../introduction/record.ts';
import { hostPlaces } from '../platform/host/places.ts';
import { releaseFiles } from '../platform/host/release.ts';
import { type HostState, readHostState } from '../platform/host/state.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { handedOverPaths } from './handed-over.ts';
import { knownChoices } from './host/choices.ts';
import { chosenLoader } from './host/chosen-loader.ts';
import { domainTable } from './host/domain-table.ts';
import { type RunningDomain, runningDomains } from './host/running-domains.ts';
import { safe } from './text.ts';

/** All that is known of how this host booted. */
interface HostStatus {
  /** How far the boot got: not by domB, received, not received, or the recovery domain. */
  boot: 'none' | 'received' | 'incomplete' | 'recovery';
  release?: string;
  /** What the release starts dom0 with, and the manifest's file. */
  title?: string;
  manifest?: string;
  installed?: HostState;
  /** The release that the boot loader starts when nothing else is said; null where it starts none. Left out where that is not known. */
  default?: string | null;
  domains: RunningDomain[];
  evidence: { file: string; bytes: number }[];
  verdict?: { outcome: string; gaps: { gap: string; says: string }[] };
  /** What could not be found out, and why. */
  unknown: string[];
}

/** `domb status` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  return failing(async (): Promise<ExitStatus> => {
    const status = await hostStatus(terminal);
    if (input.flags.has('json')) terminal.write(`${JSON.stringify(status, null, 2)}\n`);
    else terminal.write(statusText(status));
    const well = status.boot === 'none' || status.boot === 'received';
    return well && status.installed?.failure === undefined ? 0 : 1;
  });
}

async function hostStatus(terminal: Terminal): Promise<HostStatus> {
  const places = hostPlaces();
  const status: HostStatus = { boot: bootState(), domains: [], evidence: [], unknown: [] };
  const asking = async (what: string, ask: () => void | Promise<void>) => {
    try {
      await ask();
    } catch (error) {
      status.unknown.push(`${what}: ${(error as Error).message.split('\n')[0]}`);
    }
  };
  await asking('what is installed', () => {
    const state = readHostState(places.state);
    if (state) status.installed = state;
  });
  const choices = knownChoices(places);
  if (choices !== undefined) {
    await asking('what boots next', async () => {
      status.default = (await (await chosenLoader(places, choices)).seen()).default ?? null;
    });
  }
  if (status.boot === 'none') return status;
  await asking('which release booted', async () => {
    const loader = await chosenLoader(places, choices ?? {});
    const { booted } = await loader.seen();
    const directory = booted === undefined ? undefined : join(places.releases, booted);
    if (booted === undefined || directory === undefined || !existsSync(directory)) return;
    status.release = booted;
    status.title = readFileSync(join(directory, releaseFiles.title), 'utf8').trim();
    status.manifest = join(directory, releaseFiles.manifest);
  });
  await asking('the domains', async () => {
    status.domains = await runningDomains(recordFile);
  });
  await asking('the evidence', () => {
    const { directory } = handedOverPaths;
    status.evidence = readdirSync(directory)
      .map((name) => ({ file: join(directory, name), bytes: statSync(join(directory, name)).size }))
      .filter(({ bytes }) => bytes > 0);
  });
  await asking('the verdict', async () => {
    status.verdict = await ownVerdict(terminal);
  });
  return status;
}

function bootState(): HostStatus['boot'] {
  if (!existsSync(handedOverPaths.record)) return 'none';
  if (existsSync(handedOverPaths.failure)) return 'recovery';
  return existsSync(handedOverPaths.received) ? 'received' : 'incomplete';
}

/** What "domb verify /run/domb --boot" says. */
async function ownVerdict(terminal: Terminal): Promise<NonNullable<HostStatus['verdict']>> {
  const { run: verify } = await import('./verify.ts');
  const said: string[] = [];
  await verify(
    {
      arguments: [handedOverPaths.directory],
      flags: new Set(['boot', 'json']),
      values: new Map(),
    },
    { ...terminal, colour: false, write: (text) => said.push(String(text)), writeError: () => {} },
  );
  const { outcome, gaps } = JSON.parse(said.join('')) as NonNullable<HostStatus['verdict']>;
  return { outcome, gaps: gaps.map(({ gap, says }) => ({ gap, says })) };
}

const boots: Readonly<Record<HostStatus['boot'], string>> = {
  none: 'not started by domB',
  received: 'started by domB; dom0 has received all of its hand-over',
  incomplete:
    'started by domB; its hand-over was not received: "systemctl status domb-receive.service" says why',
  recovery: 'the recovery domain: the boot failed',
};

function statusText(status: HostStatus): string {
  const { boot, release, title, manifest, installed, domains, evidence, verdict } = status;
  const lines = [`This boot: ${boots[boot]}`];
  if (release) lines.push(`Release: ${release} (${safe(title ?? '')})`, `Manifest: ${manifest}`);
  if (domains.length > 0) lines.push('', domainTable(domains), ...restartLines(domains));
  if (evidence.length > 0) {
    lines.push('Evidence:', ...evidence.map(({ file, bytes }) => `  ${file} (${bytes} bytes)`));
  }
  if (verdict) {
    lines.push(
      '',
      `Of itself this boot says, with nothing to compare with: ${verdict.outcome}`,
      ...verdict.gaps.map(({ gap, says }) => `  ${gap}: ${safe(says)}`),
    );
  }
  lines.push('', ...installedLines(installed, status.default));
  for (const each of status.unknown) lines.push(`Not known: ${safe(each)}`);
  return `${lines.join('\n')}\n`;
}

/** What of the running domains is dom0's work, and not the boot's. */
function restartLines(domains: readonly RunningDomain[]): string[] {
  const lines = domains
    .filter(({ restarts }) => restarts > 0)
    .map(({ name, domid, restarts }) => {
      const times = restarts === 1 ? 'once' : `${restarts} times`;
      return `  ${safe(name ?? '-')} (domain ${domid}), ${times}`;
    });
  return lines.length === 0
    ? []
    : [
        'Built again by dom0, from images with the digests that this boot measured; its evidence does not cover these instances:',
        ...lines,
        '',
      ];
}

function installedLines(state: HostState | undefined, now: HostStatus['default']): string[] {
  if (state === undefined) return ['Installed: no manifest is installed on this host'];
  const { good, previous, trial, failure } = state;
  const named = (release: string | null | undefined) =>
    release ? `release ${release}` : 'as before domb';
  return [
    now === undefined || now === (good ?? null)
      ? `Default: ${named(good)}`
      : `Default: ${named(now)}, which somebody has chosen; what was good last: ${named(good)}`,
    ...(previous === undefined ? [] : [`Before that: release ${previous}`]),
    ...(trial === undefined ? [] : [`To be tried at the next boot: release ${trial}`]),
    ...(failure === undefined
      ? []
      : [
          `Last failure: ${failure.when}${failure.release === undefined ? '' : `, release ${failure.release}`}`,
          ...failure.reason.split('\n').map((line) => `  ${safe(line)}`),
        ]),
  ];
}
