import type { DomainInfo } from '../../bindings/hypervisor.ts';
import { limitGrowth } from '../../bindings/memory-limit.ts';
import type { Manifest, ScriptPoint, ScriptSettings } from '../../boot-configs/manifest.ts';
import { domainProperties } from '../../boot-configs/properties/table.ts';
import type { MeasuredFacts } from '../../boot-scripts/api.ts';
import { runManifestScript } from './script-run.ts';
import type { ScriptedHost, ScriptState } from './script-state.ts';

/** A machine that there is not. */
export interface MadeUpHost {
  readonly host: ScriptedHost;
  readonly facts: MeasuredFacts;
}

export interface DryRun {
  readonly manifest: Manifest;
  readonly manifestBytes: Buffer;
  readonly machine: MadeUpHost;
  /** The source of a script. */
  source(script: ScriptSettings): string;
  /** What scripts say and do, a line each. */
  say(line: string): void;
  /** Before a script is run. */
  begin(script: ScriptSettings): void;
}

/** What scripts made of the manifest. */
export interface DryResult {
  readonly manifest: Manifest;
  /** Why the boot would fail, where it would. */
  readonly failure: unknown;
}

const POINTS: readonly ScriptPoint[] = [
  ...(['before_planning', 'after_create'] as const),
  ...(['before_start', 'after_start'] as const),
];

/** UUIDs differ at each boot; scripts see one that is none of any. */
const UUID = '00000000-0000-4000-8000-000000000000';

/**
 * Runs the scripts of a manifest as a boot on the made-up machine would, with the same code: what they change is checked as there,
 * domains are there from when they would be created, and run from when they would be started. Nothing is built.
 */
export async function dryRun(run: DryRun): Promise<DryResult> {
  const { machine, say } = run;
  let sealed = false;
  let running = false;
  const domains = (): DomainInfo[] =>
    state.created.flatMap(({ domid, autostart }) => {
      const domain = state.manifest.domains.find((other) => other.domid === domid);
      if (domain === undefined) return [];
      const { seclabel, memoryKiB, maxMemoryKiB, vcpus, type } = domain;
      const paused = !running || !autostart;
      const kind = { hardwareAssisted: type !== 'pv', dying: false, shutdown: false };
      return [{ domid, uuid: UUID, seclabel, memoryKiB, maxMemoryKiB, vcpus, paused, ...kind }];
    });
  const state: ScriptState = {
    manifestBytes: run.manifestBytes,
    manifest: run.manifest,
    changes: { configured: [] },
    created: [],
    facts: machine.facts,
    factsRead: new Set(),
    hypervisor: { host: () => machine.host, domains, moveDevices: () => {} },
    bootMeasurements: {
      measure: async () => {},
      get sealed() {
        return sealed;
      },
    },
    log: { logger: { info: say } },
    machine: { limitGrowth },
  };
  try {
    for (const point of POINTS) {
      if (point === 'after_create') {
        for (const domain of state.manifest.domains) {
          const { name, domid, seclabel, autostart } = domain;
          const { devices } = domainProperties(domain);
          state.created.push({ name, domid, seclabel, autostart, devices });
        }
      }
      if (point === 'after_start') sealed = running = true;
      for (const script of run.manifest.scripts.filter(({ at }) => at === point)) {
        run.begin(script);
        await runManifestScript(state, script, { file: script.run, source: run.source(script) });
      }
    }
  } catch (failure) {
    return { manifest: withStarts(state), failure };
  }
  return { manifest: withStarts(state), failure: undefined };
}

/** Domains that a script keeps paused are not started. */
function withStarts({ manifest, created }: ScriptState): Manifest {
  const starts = new Map(created.map(({ domid, autostart }) => [domid, autostart]));
  return {
    ...manifest,
    domains: manifest.domains.map((domain) => ({
      ...domain,
      autostart: starts.get(domain.domid) ?? domain.autostart,
    })),
  };
}
