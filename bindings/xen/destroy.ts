import { attempts } from '../attempts.ts';
import type { HypervisorError } from '../hypervisor.ts';
import { refused } from '../refusal.ts';
import { listDomains } from './inventory.ts';
import type { XenSession } from './session.ts';

/** How long a destroyed domain may linger: Xen gives up the last reference to it a little after the call. */
const LINGER_MS = 500;
const POLL_MS = 10;

/** Destroys a domain and makes sure that it is gone. */
export function destroyDomain(session: XenSession, domid: number): void {
  const { xc, xch } = session;
  session.attempt(attempts.destroy(domid), () => xc.xc_domain_destroy({ xch, domid }));
  for (let waited = 0; ; waited += POLL_MS) {
    const left = listDomains(session).find((domain) => domain.domid === domid);
    if (left === undefined) return;
    if (waited >= LINGER_MS) throw halfDead(domid, left.memoryKiB);
    sleep(POLL_MS);
  }
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function halfDead(domid: number, memoryKiB: number): HypervisorError {
  return refused(
    attempts.destroy(domid),
    'xc_domain_destroy',
    '',
    `it is half dead, with ${memoryKiB} KiB left`,
    'another domain still maps its memory or holds its event channels; end the platform',
  );
}
