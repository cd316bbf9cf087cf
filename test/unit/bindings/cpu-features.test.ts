import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cpuFeatureNumber, FEATURE_WORDS, placeOf } from '../../../bindings/cpu-features.ts';
import { readText } from '../../../bindings/ffi/memory.ts';
import { StructView } from '../../../bindings/ffi/struct.ts';
import { differences } from '../../../bindings/xen/cpu-policy.ts';
import { cpuFeatureNames } from '../../../boot-configs/generated/cpu-features.ts';
import { ownRelease } from '../../../xen-releases/releases.ts';

const layout = ownRelease.layout;

test("the words of features are where the header's comments say", () => {
  const header = readFileSync('/usr/include/xen/arch-x86/cpufeatureset.h', 'latin1');
  const comments = /(?:CPUID level|MSR_ARCH_CAPS) (0x[0-9A-F]+)(?::(\d))?\.e([a-d])x, word (\d+)/gi;
  const words = [...header.matchAll(comments)].map(([, index, subleaf, register, word]) => ({
    ...{ index: Number(index), subleaf: subleaf === undefined ? undefined : Number(subleaf) },
    ...{ register, word: Number(word) },
  }));
  const ours = FEATURE_WORDS.map((place, word) =>
    'msr' in place
      ? { index: place.msr, subleaf: undefined, register: place.high ? 'd' : 'a', word }
      : { index: place.leaf, subleaf: place.subleaf, register: place.register, word },
  );
  assert.deepEqual(ours, words);
});

test('every name that a manifest may use is a feature with a place', () => {
  for (const name of cpuFeatureNames) assert.ok(placeOf(name).bit < 32, name);
  assert.equal(cpuFeatureNumber('sse4-1'), 32 + 19);
  assert.equal(cpuFeatureNumber('toString'), undefined);
  assert.throws(() => placeOf('sse5'), RangeError);
});

test('changes become the texts that libxc takes, one for each register, and end with an unused entry', () => {
  const held: Buffer[] = [];
  const { leaves, msrs } = differences(
    [
      { name: 'sse3', value: false },
      { name: 'cx16', value: true },
      { name: 'sse2', value: 'host' },
      { name: 'rdrand', value: false },
      { name: 'smep', value: false },
    ],
    layout,
    held,
  );
  const { size } = layout.structs.xc_xend_cpuid;
  assert.equal(leaves?.length, 3 * size);
  assert.equal(msrs, null);
  const entry = (index: number) =>
    new StructView(layout, 'xc_xend_cpuid', leaves?.subarray(index * size));
  const text = (index: number, field: 'policy[1]' | 'policy[2]' | 'policy[3]') =>
    readText(entry(index).get(field), 64);
  assert.equal(entry(0).number('leaf'), 1);
  assert.equal(entry(0).number('subleaf'), 0xffff_ffff);
  assert.equal(text(0, 'policy[2]'), `x0${'x'.repeat(16)}1${'x'.repeat(12)}0`);
  assert.equal(text(0, 'policy[3]'), `xxxxxk${'x'.repeat(26)}`);
  assert.equal(entry(0).get('policy[0]'), 0n);
  assert.equal(entry(1).number('leaf'), 7);
  assert.equal(entry(1).number('subleaf'), 0);
  assert.equal(text(1, 'policy[1]'), `${'x'.repeat(24)}0${'x'.repeat(7)}`);
  assert.equal(entry(2).number('leaf'), 0xffff_ffff);
});

test('features of an MSR go into a list of their own', () => {
  const { leaves, msrs } = differences(
    [
      { name: 'rdcl-no', value: false },
      { name: 'its-no', value: true },
    ],
    layout,
    [],
  );
  assert.equal(leaves, null);
  const { size } = layout.structs.xc_msr;
  assert.equal(msrs?.length, 2 * size);
  const first = new StructView(layout, 'xc_msr', msrs);
  assert.equal(first.number('index'), 0x10a);
  assert.equal(first.block('policy').toString('latin1'), `x1${'x'.repeat(61)}0\0`);
  const last = new StructView(layout, 'xc_msr', msrs?.subarray(size));
  assert.equal(last.number('index'), 0xffff_ffff);
});

test('without changes there is no list', () => {
  assert.deepEqual(differences([], layout, []), { leaves: null, msrs: null });
});
