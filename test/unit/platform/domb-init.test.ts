import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { paths } from '../../../daemon/plan/settings.ts';
import { nextInit } from '../../../platform/images/domb.ts';
import { runtimePaths } from '../../../platform/images/mounted-runtime.ts';

const source = join(import.meta.dirname, '../../../platform/images/domb/init.c');

test("domB's init in C finds what the image has", async () => {
  const text = await readFile(source, 'utf8');
  const defined = Object.fromEntries(
    [...text.matchAll(/^#define (\w+) "(.+)"$/gm)].map(([, name, value]) => [name, value]),
  );
  assert.deepEqual(defined, {
    RUNTIME: runtimePaths.file,
    MOUNT_POINT: runtimePaths.mountPoint,
    DEVICE: runtimePaths.device.path,
    MODULES: runtimePaths.modules,
    SETTINGS: paths.settings,
    NEXT_INIT: nextInit,
  });
});

test('it finds in the settings that the machine should reboot', async () => {
  const text = await readFile(source, 'utf8');
  const [, sought = ''] = /text_has\("(.+?)"\);/.exec(text) ?? [];
  const written = JSON.stringify({ pcr: 13, onFailure: 'reboot', modules: [] });
  assert.ok(written.includes(sought.replaceAll('\\"', '"')) && sought.includes('reboot'));
});
