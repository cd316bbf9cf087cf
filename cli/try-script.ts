import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../boot-configs/manifest.ts';
import { dryRun } from '../daemon/scripts/dry-run.ts';
import { type ExitStatus, Failure, type Input, type Terminal } from './command.ts';
import { failing } from './failing.ts';
import { madeUpHost } from './made-up-host.ts';
import { manifestSource } from './manifest-input.ts';
import { safe } from './text.ts';

/** `domb try-script FILE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file = ''] = input.arguments;
  const images = input.values.get('images') ?? '';
  // Only the scripts need to be there.
  const values = new Map([...input.values].filter(([name]) => name !== 'images'));
  const withoutImages = { ...input, values };
  const hostFile = input.values.get('host');
  const { manifest, bytes } = await (await manifestSource(withoutImages, terminal))(file);
  if (manifest.scripts.length === 0) {
    throw new Failure(`${file}: it has no scripts`, 'docs/boot-scripts.md says how to write one');
  }
  const sources = await failing(
    () =>
      new Map(
        manifest.scripts.map(({ run: path }) => [path, readFileSync(join(images, path), 'utf8')]),
      ),
  );
  const json = await failing(() =>
    hostFile === undefined ? undefined : readFileSync(hostFile, 'utf8'),
  );
  const { manifest: changed, failure } = await dryRun({
    ...{ manifest, manifestBytes: Buffer.from(bytes) },
    machine: madeUpHost(hostFile ?? '', json),
    source: ({ run: path }) => sources.get(path) ?? '',
    begin: ({ name, run: path, at }) => terminal.write(`${safe(`${at}: ${name} (${path})`)}\n`),
    say: (line) => terminal.write(`${safe(line)}\n`),
  });
  const lines = changesOf(manifest, changed);
  terminal.write(
    lines.length === 0 ? 'no domain is changed\n' : `changed:\n${lines.map(safe).join('\n')}\n`,
  );
  if (failure === undefined) return 0;
  throw failureOf(failure);
}

/** Each property of a domain that is another one, as the configuration has it. */
function changesOf(before: Manifest, after: Manifest): string[] {
  return after.domains.flatMap((domain) => {
    const former = before.domains.find(({ name }) => name === domain.name);
    return Object.entries(domain).flatMap(([property, value]) => {
      const was = JSON.stringify((former as Record<string, unknown> | undefined)?.[property]);
      const is = JSON.stringify(value);
      return was === is
        ? []
        : [`  ${domain.name}: ${property} ${was ?? 'none'} -> ${is ?? 'none'}`];
    });
  });
}

function failureOf(error: unknown): unknown {
  if (!(error instanceof Error) || !('hint' in error)) return error;
  return new Failure(`the boot would fail: ${error.message}`, String(error.hint));
}
