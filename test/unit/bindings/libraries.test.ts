/** The Xen libraries are installed here (libxen-dev), Xen itself is not. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { CallError, LibraryError } from '../../../bindings/ffi/errors.ts';
import { runningXenVersion } from '../../../bindings/libxencall.ts';
import { openLibxenctrl } from '../../../bindings/libxenctrl.ts';
import { openLibxenforeignmemory } from '../../../bindings/libxenforeignmemory.ts';
import { openLibxengnttab } from '../../../bindings/libxengnttab.ts';
import { openLibxenguest } from '../../../bindings/libxenguest.ts';
import { openLibxenstore } from '../../../bindings/libxenstore.ts';
import { MessageCapture } from '../../../bindings/libxentoollog.ts';
import { openLibxl } from '../../../bindings/libxl.ts';
import { ownRelease } from '../../../xen-releases/releases.ts';

const { libraries } = ownRelease;
const onXen = existsSync('/proc/xen/privcmd') || existsSync('/dev/xen/privcmd');

test('every library opens and has every declared function', () => {
  openLibxenctrl(libraries.control);
  openLibxenguest(libraries.guest);
  openLibxl(libraries.light);
  openLibxenstore();
  openLibxenforeignmemory();
  openLibxengnttab();
});

test('the library of another Xen is missing by name', () => {
  assert.throws(
    () => openLibxenctrl('libxenctrl.so.4.99'),
    (error) => {
      assert(error instanceof LibraryError);
      assert.equal(error.library, 'libxenctrl.so.4.99');
      assert.match(error.hint, /libxenctrl\.so\.4\.99/);
      return true;
    },
  );
});

test('what the libraries log is captured, once', { skip: onXen }, () => {
  const capture = new MessageCapture();
  assert.deepEqual(capture.take(), []);
  assert.throws(() => runningXenVersion(capture.logger), CallError);
  const lines = capture.take();
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /Could not obtain handle on privileged command interface/);
  assert.deepEqual(capture.take(), []);
  assert.throws(() => runningXenVersion(capture.logger), CallError);
  assert.equal(capture.take().length, 1);
  capture.close();
});
