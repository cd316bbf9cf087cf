import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CONFINING_OPTIONS,
  confinementFaults,
  isolationFaults,
} from '../../../domains/rules/isolation.ts';

/** The options that faults are about, or their words where they name none. */
const named = (faults: readonly { message: string }[]) =>
  faults.map(({ message }) => /^Xen's option (\S+)/.exec(message)?.[1] ?? message);

test('options that undo isolation are found, as Xen reads them', () => {
  for (const [options, found] of [
    ['', []],
    [`boot-domain ${CONFINING_OPTIONS} console=com1 com1=115200,8n1 loglvl=all`, []],
    ['flask=permissive', ['flask']],
    ['flask=disabled flask=enforcing', []],
    ['flask=late', ['flask']],
    ['no-flask', ['flask']],
    ['xsm=silo', ['xsm']],
    ['xsm=flask', []],
    ['pv-l1tf=off', ['pv-l1tf']],
    ['no-pv-l1tf', ['pv-l1tf']],
    ['pv-l1tf=dom0=yes,domu=no', ['pv-l1tf']],
    ['pv-l1tf=no-domu', ['pv-l1tf']],
    ['pv-l1tf=yes', []],
    ['xpti=dom0=0', ['xpti']],
    ['xpti=default', []],
    ['spec-ctrl=no', ['spec-ctrl']],
    ['spec-ctrl=no-psfd,retp=yes', []],
    ['smep=off smap=0', ['smep', 'smap']],
    ['smap=hvm', []],
    ['bootscrub=no', ['bootscrub']],
    ['bootscrub=idle', []],
    ['hvm_fep', ['hvm_fep']],
    ['hvm_fep=0', []],
    ['gdb=com1', ['gdb']],
    // Beyond a tab it is the same word to Xen.
    ['console=com1\tflask=permissive', []],
  ] as const) {
    assert.deepEqual(named(isolationFaults(options)), found, options);
  }
});

test('a command line that Xen may have cut off is not believed', () => {
  const long = `boot-domain ${'x'.repeat(1023)}`.slice(0, 1023);
  assert.match(named(isolationFaults(long)).join(), /1023 bytes/);
  assert.deepEqual(isolationFaults(long.slice(1)), []);
});

test('what would let devices reach more than the memory of their domain is found', () => {
  const usual = CONFINING_OPTIONS;
  const relaxed = /dom0's devices reach all memory without dom0-iommu=strict/;
  const reserved = /reserved memory/;
  for (const [options, ...found] of [
    [usual],
    ['iommu=verbose dom0-iommu=strict dom0-iommu=map-reserved=no'],
    ['iommu=dom0-strict dom0-iommu=no-map-reserved'],
    ['', relaxed, reserved],
    ['dom0-iommu=strict', reserved],
    [`${usual} dom0-iommu=map-reserved`, reserved],
    [`${usual} dom0-iommu=no-strict`, relaxed],
    ['dom0-iommu=passthrough,no-map-reserved', relaxed],
    [`${usual} dom0-iommu=none`, /^dom0-iommu=none$/],
    [`${usual} iommu=off`, /^iommu$/],
    [`${usual} no-iommu`, /^iommu$/],
    [`${usual} iommu=off,on`],
    [`${usual} iommu=force,no-intremap`, /^iommu=no-intremap$/],
    [`${usual} iommu=intremap=off,intremap`],
    [`${usual},map-inclusive`, /^map-inclusive$/],
    [`${usual} iommu_inclusive_mapping=1`, /^map-inclusive$/],
    [`${usual} ats`, /^ats$/],
    [`${usual} ats=0`],
  ] as const) {
    const faults = named(confinementFaults(options));
    assert.equal(faults.length, found.length, `${options}: ${faults}`);
    for (const [index, pattern] of found.entries()) assert.match(faults[index] ?? '', pattern);
  }
});
