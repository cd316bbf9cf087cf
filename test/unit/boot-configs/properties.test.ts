import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { schemaFields } from '../../../boot-configs/schema/fields.ts';
import { readSchema } from '../../../boot-configs/schema/file.ts';
import { withoutAnnotations } from '../../../boot-configs/schema/model.ts';
import { refused } from './support.ts';

const schema = await readSchema();
const fields = schemaFields(schema);

test('every property has examples that its schema accepts', () => {
  const { $defs } = withoutAnnotations(schema);
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  for (const { path, examples, schema: node } of fields) {
    assert.ok(examples.length > 0, `${path} has no example`);
    const accepts = ajv.compile({ ...withoutAnnotations(node), $defs });
    for (const example of examples) {
      assert.ok(accepts(example), `${path}: ${JSON.stringify(example)}`);
    }
  }
});

test('every property has a counter-example', () => {
  const directory = new URL('../../../boot-configs/invalid/', import.meta.url);
  const wrong = new Set<string>();
  for (const name of readdirSync(directory).filter((each) => each.endsWith('.yaml'))) {
    for (const { path } of refused(readFileSync(new URL(name, directory))).problems) {
      const place = path.replace(/\[[0-9]+\]/g, '[]');
      wrong.add(place).add(place.replace(/\[\]$/, ''));
    }
  }
  const without = fields
    .map(({ path }) => path)
    .filter((path) => !wrong.has(path.replace(/^defaults\./, 'domains[].')) && !wrong.has(path));
  assert.deepEqual(without, []);
});
