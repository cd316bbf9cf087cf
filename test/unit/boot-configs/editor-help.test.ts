/** What editors get from the published schema, as yaml-language-server reads it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { cpuFeatureSpellings } from '../../../boot-configs/cpu-features.ts';
import { readSchema, sourcePath } from '../../../boot-configs/schema/file.ts';
import { type SchemaNode, withoutAnnotations } from '../../../boot-configs/schema/model.ts';
import { dom0, guest, load, manifest } from './support.ts';

const schema = await readSchema();
const directory = new URL('../../../boot-configs/', import.meta.url);

/** Every node with its place. */
function* nodes(node: SchemaNode, at = ''): Generator<[string, SchemaNode]> {
  yield [at, node];
  for (const [key, child] of Object.entries({ ...node.properties, ...node.$defs })) {
    yield* nodes(child, `${at}/${key}`);
  }
  if (node.items !== undefined) yield* nodes(node.items, `${at}[]`);
}

test('every text with a pattern says what is expected instead of the pattern', () => {
  const patterns = [...nodes(schema)].filter(([, { pattern }]) => pattern !== undefined);
  assert.ok(patterns.length >= 15);
  for (const [at, node] of patterns) {
    assert.equal(node.patternErrorMessage, `expected ${node['x-expects']}`, at);
  }
});

test('every scalar says what is expected when it has another type, or is another word', () => {
  for (const [at, node] of nodes(schema)) {
    const scalar = node.$ref === undefined && node.type !== 'object' && node.type !== 'array';
    assert.equal(node.errorMessage, scalar ? `expected ${node['x-expects']}` : undefined, at);
  }
});

test('the CPU features complete, each as a value that is right', () => {
  const offered = [...nodes(schema)].filter(([, node]) => node.defaultSnippets !== undefined);
  assert.deepEqual(
    offered.map(([at]) => at),
    ['/cpuid'],
  );
  const snippets = offered[0]?.[1].defaultSnippets ?? [];
  assert.deepEqual(
    snippets.map(({ label }) => label),
    ['host', ...cpuFeatureSpellings.map((name) => `host,${name}=0`)],
  );
  for (const { label, body } of snippets) {
    assert.equal(label, body);
    assert.equal(load(manifest(dom0 + guest({ cpuid: `"${body}"` }))).domains.length, 2);
  }
});

test('a strict validator takes the schema when it is told the keywords of editors', () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  ajv.addVocabulary(['x-expects', 'errorMessage', 'patternErrorMessage', 'defaultSnippets']);
  const validate = ajv.compile(schema);
  assert.ok(validate(parse(readFileSync(new URL('demo.yaml', directory), 'utf8'))));
  assert.ok(!validate({ version: 2, domains: [] }));
});

test('what is published decides as what is written by hand', () => {
  const source = JSON.parse(readFileSync(new URL(`schema/${sourcePath}`, directory), 'utf8'));
  assert.deepEqual(withoutAnnotations(schema), withoutAnnotations(source));
});
