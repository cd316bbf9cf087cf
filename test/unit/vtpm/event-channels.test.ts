import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Libxenevtchn } from '../../../bindings/libxenevtchn.ts';
import { EventChannels } from '../../../vtpm/backend/event-channels.ts';

/** Event channels whose ports come from Xen: the lowest that is free. */
class FakeXen {
  readonly bound = new Set<number>();
  readonly unmasked: number[] = [];
  readonly notified: number[] = [];
  #pending: (port: number) => void = () => {};

  readonly library = {
    xenevtchn_open: () => 1n,
    xenevtchn_bind_interdomain: () => {
      let port = 1;
      while (this.bound.has(port)) port += 1;
      this.bound.add(port);
      return port;
    },
    xenevtchn_unbind: ({ port }: { port: number }) => Number(!this.bound.delete(port)),
    xenevtchn_unmask: ({ port }: { port: number }) => this.unmasked.push(port),
    xenevtchn_notify: ({ port }: { port: number }) => this.notified.push(port),
    xenevtchn_pending: () =>
      new Promise<number>((resolve) => {
        this.#pending = resolve;
      }),
  } as unknown as Libxenevtchn;

  /** A guest notifies. */
  async pend(port: number): Promise<void> {
    this.#pending(port);
    await setImmediate();
  }
}

test("a guest's port is unmasked when it was served", async () => {
  const xen = new FakeXen();
  const channels = new EventChannels(xen.library);
  void channels.serve();
  let served = 0;
  const { port } = channels.bind(5, 9, async () => {
    served += 1;
  });
  await xen.pend(port);
  assert.deepEqual([served, xen.unmasked], [1, [port]]);
});

test('who gets the port of a guest that left in mid-command is not disturbed by the end of that', async () => {
  const xen = new FakeXen();
  const channels = new EventChannels(xen.library);
  void channels.serve();
  let finish = () => {};
  const left = channels.bind(5, 9, () => {
    return new Promise((resolve) => {
      finish = resolve;
    });
  });
  await xen.pend(left.port);
  channels.unbind(left);
  const next = channels.bind(6, 9, () => new Promise(() => {}));
  assert.equal(next.port, left.port);
  await xen.pend(next.port);
  finish();
  await setImmediate();
  assert.deepEqual(xen.unmasked, []);
  // Nor by what is still done in the name of who left.
  channels.notify(left);
  channels.unbind(left);
  assert.deepEqual(xen.notified, []);
  assert.ok(xen.bound.has(next.port));
  channels.notify(next);
  assert.deepEqual(xen.notified, [next.port]);
});
