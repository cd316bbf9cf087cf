/** Properties that somebody forgets: each must be a mistake that the compiler finds. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { properties } from '../../../boot-configs/properties/table.ts';
import { readSchema } from '../../../boot-configs/schema/file.ts';
import { typesOf } from '../../../boot-configs/schema/types.ts';
import { productionFiles } from '../../lib/source-tree.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const modules = 'boot-configs/properties';
const scratch = mkdtempSync(join(tmpdir(), 'domb-mutants-'));
after(() => rmSync(scratch, { recursive: true }));

const sources = productionFiles(root, /\.(ts|json)$/);

/** The sources in a directory of their own; `compiled` are those to look at. */
function copySources(name: string, compiled = `${modules}/*.ts`): string {
  const directory = join(scratch, name);
  for (const { path, text } of sources) {
    mkdirSync(join(directory, dirname(path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  const config = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  // That an import is used no more says nothing about the property.
  config.compilerOptions.noUnusedLocals = false;
  config.include = [compiled];
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
  return directory;
}

/** What the compiler finds wrong, by file. */
function compile(directory: string): Map<string, string[]> {
  const tsc = join(root, 'node_modules/.bin/tsc');
  const { stdout, status } = spawnSync(tsc, ['--noEmit', '--pretty', 'false'], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const found = new Map<string, string[]>();
  for (const [, file = '', text = ''] of stdout.matchAll(/^(\S+?)\(\d+,\d+\): error (.*)$/gm)) {
    found.set(file, [...(found.get(file) ?? []), text]);
  }
  assert.equal(found.size === 0, status === 0, stdout);
  return found;
}

interface Mutant {
  what: string;
  /** The table, and a module in the place of the one that it names. */
  table: string;
  module?: { name: string; text: string };
}

/** The table without each of its rows, and with modules that leave out what they read or ask for. */
function mutants(directory: string): Mutant[] {
  const text = (name: string) => readFileSync(join(directory, modules, name), 'utf8');
  const table = text('table.ts');
  const rows = Object.keys(properties).map((key): Mutant => {
    const without = table.replace(new RegExp(`^  ${key}: \\w+,\\n`, 'm'), '');
    assert.notEqual(without, table, `no row ${key}`);
    return { what: `no row ${key}`, table: without };
  });
  const silent = readdirSync(join(directory, modules)).flatMap((name) => {
    if (!table.includes(`'./${name}'`)) return [];
    const whole = text(name);
    const places = [
      ...whole.matchAll(/^ +(read|asks): (?!asksNothing|\(\) =>)[\s\S]+?,\n(?= +(asks|shown): )/gm),
    ];
    return places.map((place): Mutant => {
      const changed = `${whole.slice(0, place.index)}${place[1]}: () => ({}),\n${whole.slice(place.index + place[0].length)}`;
      return {
        what: `${name} without: ${place[0].trim()}`,
        table,
        module: { name, text: changed },
      };
    });
  });
  return [...rows, ...silent];
}

test('what a property reads or asks for cannot be left out, nor a property itself', () => {
  const directory = copySources('left-out');
  const all = mutants(directory);
  const write = (name: string, text: string) => writeFileSync(join(directory, modules, name), text);
  for (const [index, { table, module }] of all.entries()) {
    const name = module && `mutant-${index}-${module.name}`;
    write(
      `mutant-${index}-table.ts`,
      module ? table.replace(`'./${module.name}'`, `'./${name}'`) : table,
    );
    if (module && name) write(name, module.text);
  }
  const errors = compile(directory);
  const ofMutant = (index: number) =>
    [...errors].filter(([file]) => file.startsWith(`${modules}/mutant-${index}-`));
  const survivors = all.filter((_, index) => ofMutant(index).length === 0);
  assert.deepEqual(
    survivors.map(({ what }) => what),
    [],
  );
  const unchanged = [...errors].filter(([file]) => !file.startsWith(`${modules}/mutant-`));
  assert.deepEqual(unchanged, [], 'without a change everything compiles');
  // Each part of a creation stands in one place, but for the three limits, which share theirs.
  const asked = all.filter(({ what }) => / without: asks:/.test(what)).length;
  const asking = Object.values(properties).filter(({ asks }) => asks.name !== 'asksNothing').length;
  assert.equal(asked, asking - 2);
});

test('a property of the schema that the table does not have does not compile', async () => {
  const schema = await readSchema();
  const domain = schema.$defs?.domain?.properties;
  assert.ok(domain);
  domain.wish = { type: 'boolean', description: 'Nobody grants it.' };
  const directory = copySources('wish');
  writeFileSync(join(directory, 'boot-configs/generated/manifest.ts'), typesOf(schema));
  const errors = compile(directory);
  const missing = errors.get(`${modules}/table.ts`)?.join('\n') ?? '';
  assert.match(missing, /'wish' is missing/);
});

test('dropping what confines the DMA of PCI devices does not compile', () => {
  const directory = copySources('iommu');
  const file = join(directory, modules, 'pci.ts');
  const text = readFileSync(file, 'utf8');
  const dropped = text.replace('({ iommu: pci.length > 0 })', '({})');
  assert.notEqual(dropped, text);
  writeFileSync(file, dropped);
  assert.match(compile(directory).get(`${modules}/table.ts`)?.join('\n') ?? '', /iommu/);
});

test('what the hypervisor is asked for, the bindings to Xen read', () => {
  const directory = copySources('unread', 'bindings/xen/*.ts');
  assert.deepEqual([...compile(directory)], [], 'without a change everything compiles');
  const file = join(directory, 'domains/settings.ts');
  const text = readFileSync(file, 'utf8');
  for (const names of [['DomainProperties'], ['DomainLimits', 'DomainDevices']]) {
    const bodies = new RegExp(`(?<=interface (${names.join('|')}) {)[^}]*(?=})`, 'g');
    const members = [...text.matchAll(bodies)].flatMap(([body]) => [
      ...body.matchAll(/^ {2}(\w+): /gm),
    ]);
    const wanted = members.map(([, member = '']) => member).filter((member) => member !== 'name');
    assert.ok(wanted.length >= 6);
    // Where none of them exists, each place that reads one is a mistake. Xen itself knows no names.
    writeFileSync(file, text.replaceAll(bodies, ''));
    // What they ask of it depends on what a domain then has, which stands beside them.
    const places = /^bindings\/(xen\/|creation-outcome\.ts$)/;
    const found = [...compile(directory)].filter(([path]) => places.test(path));
    const read = found
      .flatMap(([, errors]) => errors)
      .flatMap((error) => [...error.matchAll(/Property '(\w+)' does not exist/g)])
      .map(([, member]) => member);
    assert.deepEqual(
      wanted.filter((member) => !read.includes(member)),
      [],
    );
  }
});
