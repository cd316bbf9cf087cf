/**
 * Writes `<version>/layout.json`: sizes, offsets and constants as the C compiler sees them in the installed Xen headers
 * (libxen-dev). Run `node xen-releases/generate-layout.ts` after a change of `layout-spec.ts`; a test compares.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { LayoutSpec } from './layout-spec.ts';
import { LAYOUT_SPEC } from './layout-spec.ts';

/** The C program that prints the layout as JSON. */
export function layoutProgram(spec: LayoutSpec): string {
  const structs = Object.entries(spec.structs).map(([name, { type, fields }]) =>
    [
      `  printf("${name === firstKey(spec.structs) ? '' : ',\\n'}    \\"${name}\\": {\\n");`,
      `  printf("      \\"size\\": %zu,\\n      \\"fields\\": {", sizeof(${type}));`,
      ...fields.map((field, index) => fieldStatement(type, field, index === 0)),
      `  printf("${fields.length === 0 ? '' : '\\n      '}}\\n    }");`,
    ].join('\n'),
  );
  const constants = spec.constants.map(
    (name, index) =>
      `  printf("${index === 0 ? '' : ','}\\n    \\"${name}\\": %llu", (unsigned long long)(${name}));`,
  );
  return `#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
${spec.headers.map((header) => `#include <${header}>`).join('\n')}
struct feature { const char *name; unsigned number; };
static const struct feature features[] = {
#define XEN_CPUFEATURE(name, number) { #name, number },
#include <${spec.cpuFeatures}>
};
#define SIGNED(type, field) _Generic(((type *)0)->field, \\
    int8_t: 1, int16_t: 1, int32_t: 1, int64_t: 1, long long: 1, default: 0)
static void field(const char *name, int first, size_t offset, size_t size, const char *kind)
{
  printf("%s\\n        \\"%s\\": { \\"offset\\": %zu, \\"size\\": %zu, \\"kind\\": \\"%s\\" }",
         first ? "" : ",", name, offset, size, kind);
}
int main(void)
{
  printf("{\\n  \\"structs\\": {\\n");
${structs.join('\n')}
  printf("\\n  },\\n  \\"constants\\": {");
${constants.join('\n')}
  printf("\\n  },\\n  \\"cpuFeatures\\": {");
  for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
    printf("%s\\n    \\"%s\\": %u", i ? "," : "", features[i].name, features[i].number);
  printf("\\n  }\\n}\\n");
  return 0;
}
`;
}

function firstKey(record: Record<string, unknown>): string | undefined {
  return Object.keys(record)[0];
}

function fieldStatement(type: string, spelled: string, first: boolean): string {
  const kind = spelled.endsWith('[]') ? 'bytes' : spelled.endsWith('*') ? 'pointer' : 'integer';
  const name = spelled.replace(/(\[\]|\*)$/, '');
  const member = `((${type} *)0)->${name}`;
  const kindText =
    kind === 'integer' ? `SIGNED(${type}, ${name}) ? "signed" : "unsigned"` : `"${kind}"`;
  return `  field("${name}", ${first ? 1 : 0}, offsetof(${type}, ${name}), sizeof(${member}), ${kindText});`;
}

/** The layout of the installed headers as JSON text. Needs gcc and libxen-dev. */
export function generateLayout(spec: LayoutSpec): string {
  const directory = mkdtempSync(join(tmpdir(), 'domb-layout-'));
  try {
    const source = join(directory, 'layout.c');
    const program = join(directory, 'layout');
    writeFileSync(source, layoutProgram(spec));
    execFileSync('gcc', ['-Wall', '-Werror', '-D__XEN_TOOLS__', '-o', program, source], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return execFileSync(program, { encoding: 'utf8' });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** `major.minor` of the Xen whose libraries are installed, from what libxenctrl's development link leads to. */
export function installedXenVersion(): string {
  const link = execFileSync('gcc', ['-print-file-name=libxenctrl.so'], { encoding: 'utf8' }).trim();
  const version = /libxenctrl\.so\.(\d+\.\d+)/.exec(realpathSync(link))?.[1];
  if (version === undefined) throw new Error(`${link} does not lead to a versioned libxenctrl`);
  return version;
}

/** Where the layout of a Xen version is kept. */
export function layoutFile(version: string): string {
  return join(import.meta.dirname, version, 'layout.json');
}

if (import.meta.main) {
  const file = layoutFile(installedXenVersion());
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, generateLayout(LAYOUT_SPEC));
  process.stdout.write(`${file}: ${readFileSync(file).length} bytes\n`);
}
