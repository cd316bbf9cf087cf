import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { canonicalConfiguration } from '../../../boot-configs/canonical.ts';
import type { Problem } from '../../../boot-configs/problems.ts';
import { formerVersions, newestVersion, readSchema } from '../../../boot-configs/schema/file.ts';
import { withoutAnnotations } from '../../../boot-configs/schema/model.ts';
import { type SchemaProblem, schemaProblems } from '../../../boot-configs/schema/problems.ts';
import { renaming } from '../../../boot-configs/versions/step-up.ts';
import { newest, type Version, versions } from '../../../boot-configs/versions/versions.ts';
import { asVersion1, renamed } from '../../lib/version-1.ts';
import { dom0, found, guest, load, refused } from './support.ts';

const full = `version: 2
platform:
  on_failure: reboot
  timeout: 60s
  measurement: { pcr: 14, boot_pcr: 15, banks: [sha256] }
defaults:
  max_event_channels: 255
  max_maptrack_frames: 0
domains:${dom0}
    max_event_channels: 1023
${guest({ max_grant_frames: '8', name: 'boot_pcr', cmdline: 'on_failure', after: '[dom0]' })}
`;

test('the loader, the schemas and the generator know the same versions', () => {
  assert.deepEqual(
    versions.map(({ number }) => number),
    [...formerVersions, newestVersion],
  );
  assert.equal(newest.number, newestVersion);
  for (const version of versions) {
    assert.equal(version.stepUp === undefined, version === newest);
  }
});

test('version 1 is frozen: what is new belongs into the newest schema', async () => {
  const decisive = JSON.stringify(withoutAnnotations(await readSchema(1)));
  assert.equal(
    createHash('sha256').update(decisive).digest('hex'),
    '621b1d8b3f359489933a7307fa4c5aee9c0b7a2a67a79e7965a4cc25b259049a',
  );
});

test('a manifest of version 1 means what the same in version 2 means', () => {
  const former = asVersion1(full);
  assert.ok(
    renamed.every((key) => !former.includes(`${key}:`)),
    former,
  );
  assert.deepEqual(load(former), load(full));
  assert.equal(canonicalConfiguration(load(former)), canonicalConfiguration(load(full)));
  const [, second] = load(former).domains;
  assert.deepEqual(second?.limits, { grantFrames: 8, maptrackFrames: 0, eventChannels: 255 });
  assert.equal(second?.name, 'boot_pcr', 'values keep their underscores');
});

test('keys are spelled as the version of the file spells them', () => {
  for (const key of renamed) {
    const hyphened = key.replaceAll('_', '-');
    for (const [text, wrong, right] of [
      [full, hyphened, key],
      [asVersion1(full), key, hyphened],
    ] as const) {
      const at = text.indexOf(`${right}:`);
      const misspelt = text.slice(0, at) + wrong + text.slice(at + right.length);
      const { problems } = refused(misspelt);
      assert.deepEqual(
        problems.map(({ rule, message, hint }) => [rule, message, hint]),
        [['unknown-key', `unknown key "${wrong}"`, `did you mean "${right}"?`]],
      );
    }
  }
});

test('problems in a manifest of version 1 are shown where they stand, under its own names', () => {
  const text = asVersion1(full);
  const cases: [string, string, string[]][] = [
    ['boot-pcr: 15', 'boot-pcr: 14', ['5:37 pcr-choice platform.measurement.boot-pcr']],
    ['boot-pcr: 15', 'boot-pcr: 3', ['5:37 pcr-choice platform.measurement.boot-pcr']],
    ['boot-pcr: 15', 'boot-pcr: x', ['5:37 wrong-type platform.measurement.boot-pcr']],
    ['on-failure: reboot', 'on-failure:', ['3:3 wrong-value platform.on-failure']],
    ['frames: 0', 'frames: -1', ['8:24 wrong-value defaults.max-maptrack-frames']],
    ['after: [dom0]', 'after: [dom9]', ['27:13 after-unknown domains[1].after[0]']],
    ['    domid: 1\n', '', ['19:5 missing-property domains[1].domid']],
  ];
  for (const [from, to, expected] of cases) {
    const changed = text.replace(from, to);
    assert.notEqual(changed, text);
    assert.deepEqual(found(changed), expected);
  }
});

test('counter-examples have the same problems at the same places in version 1', () => {
  const directory = new URL('../../../boot-configs/invalid/', import.meta.url);
  const schemaRules = /unknown-key|wrong-value|wrong-type/;
  let compared = 0;
  for (const name of readdirSync(directory).filter((each) => each.endsWith('.yaml'))) {
    const text = readFileSync(new URL(name, directory), 'utf8');
    // The spelling of version 1 is a mistake in version 2 alone.
    if (renamed.some((key) => text.includes(key.replaceAll('_', '-')))) continue;
    const former = refused(asVersion1(text)).problems;
    const places = former.map(essence);
    const expected = refused(text).problems.map(essence);
    // What only version 2 can say is a mistake more in version 1.
    if (places.some((place) => schemaRules.test(place) && !expected.includes(place))) continue;
    compared += 1;
    assert.deepEqual(places, expected, name);
    for (const { message, hint } of asVersion1(text) === text ? [] : former) {
      for (const key of renamed)
        assert.ok(!`${message} ${hint}`.includes(key), `${name}: ${message}`);
    }
  }
  assert.ok(compared > 30, `${compared} compared`);
});

function essence({ line, col, rule, path }: Problem): string {
  return `${line}:${col} ${rule} ${path.replaceAll('_', '-')}`;
}

test('a key that only a newer version has is no misspelling', () => {
  const [first] = versions;
  const shapes = { ...newest.shapes, platform: { expects: '', keys: ['timeouts', 'on_failure'] } };
  const of = (platform: object): SchemaProblem | undefined => {
    const document = { version: 1, platform, domains: [{ name: 'dom0', domid: 0 }] };
    const [problem] = schemaProblems(document, first as Version, { number: 7, shapes });
    return problem;
  };
  assert.match(of({ timeouts: 1 })?.message ?? '', /this version .* has no key "timeouts"/);
  assert.match(of({ timeouts: 1 })?.hint ?? '', /"version: 7"/);
  assert.match(of({ on_failure: 1 })?.hint ?? '', /did you mean "on-failure"/);
  assert.match(of({ tmeout: 1 })?.hint ?? '', /did you mean "timeout"/);
});

test('a step renames keys of mappings, in pointers too, and nothing else', () => {
  const step = renaming(3, { 'a.b': { old: 'new' }, 'list[]': { old: 'new' } });
  assert.equal(step.pointer('/a/b/old/old'), '/a/b/new/old');
  assert.equal(step.pointer('/list/12/old'), '/list/12/new');
  assert.equal(step.pointer('/list/old'), '/list/old');
  assert.equal(step.pointer('/old'), '/old');
  assert.equal(step.pointer('/a/b/constructor'), '/a/b/constructor');
  assert.equal(step.pointer(''), '');
});

test('only versions that are known are read', () => {
  for (const version of ['0', '3', '1.5', '-1', '.nan', '1e99']) {
    const { problems } = refused(full.replace('version: 2', `version: ${version}`));
    assert.equal(problems.length, 1);
    assert.equal(problems[0]?.rule, 'unknown-version');
    assert.match(problems[0]?.hint ?? '', /known are 1 and 2/);
  }
  assert.deepEqual(found(full.replace('version: 2\n', '')), ['1:1 missing-property version']);
  assert.deepEqual(found(full.replace('version: 2', 'version: "1"')), ['1:10 wrong-value version']);
});
