import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { schemaFields } from '../../../boot-configs/schema/fields.ts';
import { readSchema, schemaText } from '../../../boot-configs/schema/file.ts';
import { findField } from '../../../cli/explain.ts';
import { domb } from '../../lib/domb.ts';

test('every property is found by its path, with or without indexes', async () => {
  const fields = schemaFields(await readSchema());
  for (const field of fields) {
    const { path } = field;
    for (const form of [path, path.replaceAll('[]', ''), path.replaceAll('[]', '[3]')]) {
      assert.equal(findField(form, fields), field);
    }
  }
});

test('every property is explained', async () => {
  const explained = schemaFields(await readSchema()).map(async ({ path, description }) => {
    const { status, out } = await domb(['explain', path]);
    assert.equal(status, 0);
    assert.ok(out.startsWith(`${path}\n\n${description.split(' ')[0]}`));
  });
  await Promise.all(explained);
});

test('the last part of a path is enough when only one property has it', async () => {
  assert.match((await domb(['explain', 'seclabel'])).out, /^domains\[\]\.seclabel\n/);
  const { status, error } = await domb(['explain', 'kernel']);
  assert.equal(status, 2);
  assert.match(error, /choose one of domains\.kernel, domains\.digests\.kernel/);
});

test('an unknown property gives 2 and a suggestion', async () => {
  const { status, error } = await domb(['explain', 'memroy']);
  assert.equal(status, 2);
  assert.match(error, /did you mean "memory"\?/);
});

test('without a path all properties are listed, with --json as data', async () => {
  const { out } = await domb(['explain']);
  assert.match(out, /^ {2}domains\[\]\.domid +The domain's fixed id/m);
  const fields = JSON.parse((await domb(['explain', '--json'])).out);
  assert.equal(fields.length, schemaFields(await readSchema()).length);
  assert.equal(JSON.parse((await domb(['explain', 'vcpus', '--json'])).out).default, 1);
});

test('domb schema prints the published schema', async () => {
  assert.deepEqual(await domb(['schema']), { status: 0, out: await schemaText(), error: '' });
});

test('every property has a description, a form and examples that its schema accepts', async () => {
  const schema = await readSchema();
  const ajv = new Ajv2020({ strict: false });
  for (const field of schemaFields(schema)) {
    assert.ok(field.description.endsWith('.'), field.path);
    assert.notEqual(field.expects, '', field.path);
    assert.ok(field.examples.length > 0, `${field.path} has no example`);
    const { $defs } = schema;
    for (const example of [...field.examples, ...('default' in field ? [field.default] : [])]) {
      assert.ok(ajv.validate({ ...field.schema, $defs }, example), `${field.path}: ${example}`);
    }
  }
});
