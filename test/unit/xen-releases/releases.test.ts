import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StructView } from '../../../bindings/ffi/struct.ts';
import type { XenRelease } from '../../../xen-releases/release.ts';
import {
  cpuFeatureNumbers,
  ownRelease,
  releaseFor,
  UnknownXenError,
  xenReleases,
} from '../../../xen-releases/releases.ts';
import { productionFiles, root } from '../../lib/source-tree.ts';

/** As 4.20's public headers have it: four bytes more in createdomain, which shift what follows offset 48. */
function madeUp(): XenRelease {
  const layout = structuredClone(ownRelease.layout);
  const createdomain = layout.structs.xen_domctl_createdomain;
  createdomain.size += 4;
  for (const field of Object.values(createdomain.fields)) if (field.offset >= 48) field.offset += 4;
  layout.constants.XEN_DOMCTL_INTERFACE_VERSION = 0x17;
  layout.cpuFeatures = { ...layout.cpuFeatures, MADE_UP: 700 };
  return { ...ownRelease, version: '4.20', layout };
}

test('an unknown Xen is refused by name', () => {
  assert.throws(
    () => releaseFor('4.99'),
    (error) => {
      assert(error instanceof UnknownXenError);
      const known = xenReleases.map(({ version }) => version).join(', ');
      assert.equal(error.message, `Xen 4.99 is not known to this domb, which knows ${known}`);
      assert.match(error.hint, /add Xen 4\.99 as xen-releases\/README\.md says/);
      return true;
    },
  );
});

test('a second release is a matter of its data', () => {
  const added = madeUp();
  const releases = [...xenReleases, added];
  assert.equal(releaseFor('4.20', releases), added);
  assert.equal(releaseFor(ownRelease.version, releases), ownRelease);
  assert.throws(() => releaseFor('4.19', releases), /which knows 4\.17, 4\.20$/);
  assert.equal(cpuFeatureNumbers(releases).MADE_UP, 700);
  assert.equal(cpuFeatureNumbers().MADE_UP, undefined);

  const before = new StructView(ownRelease.layout, 'xen_domctl_createdomain');
  const after = new StructView(added.layout, 'xen_domctl_createdomain');
  assert.deepEqual([before.bytes.length, after.bytes.length], [64, 68]);
  const moved = after.offsetOf('arch.misc_flags') - before.offsetOf('arch.misc_flags');
  assert.deepEqual([moved, after.offsetOf('flags')], [4, before.offsetOf('flags')]);
  after.set('arch.misc_flags', 7);
  assert.equal(after.bytes.readUInt32LE(64), 7);
});

test('CPU features have the same numbers in all releases', () => {
  const numbers = cpuFeatureNumbers();
  for (const { version, layout } of xenReleases) {
    for (const [name, number] of Object.entries(layout.cpuFeatures)) {
      assert.equal(number, numbers[name], `${name} in ${version}`);
    }
  }
});

test('every release has a folder of its version, with its layout and our series', () => {
  for (const { version, source } of xenReleases) {
    const folder = join(root, 'xen-releases', version);
    assert(existsSync(join(folder, 'layout.json')), version);
    assert.equal(source.patches, join(folder, 'patches'));
    assert(existsSync(join(source.patches, 'series')), version);
  }
});

/** Xen's releases since it has FLASK as it is today; `4.9` to `4.13` would be found in too much else. */
const release = /(?<!\d|\d\.)4\.(1[4-9]|2\d)(?!\d)|xen-?4\.?\d\d/i;
/** Prose, data about versions of other things, and what is read by nobody but tests. */
const notCode = /\.(md|json|yaml|expected|patch|sig|pem|jpg|png|svg)$|(^|\/)(LICENSE|\.git\w*)$/;

test('nothing else names a release', () => {
  const named = productionFiles(root, /./)
    .filter(({ path }) => !path.startsWith('xen-releases/') && !notCode.test(path))
    .flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, index) => {
        return release.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [];
      }),
    );
  assert.deepEqual(named, []);
});

test('what looks for releases finds them', () => {
  for (const line of ["openLibrary('libxenctrl.so.4.17')", 'xen-utils-4.20', 'import xen417']) {
    assert.match(line, release);
  }
  assert.doesNotMatch('Microsoft Authenticode 1.4.17, section 5.4.20', release);
});
