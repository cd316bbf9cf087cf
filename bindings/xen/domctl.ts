/** Operations that our Xen has and a stock one does not know; libxenctrl has no functions for them. */
import { CallError } from '../ffi/errors.ts';
import { StructView } from '../ffi/struct.ts';
import type { Hypercalls } from '../libxencall.ts';
import type { XenSession } from './session.ts';

/** XEN_DOMCTL_get_*, xen/include/public/domctl.h of our series. */
export const OWN_DOMCTLS = { permissions: 900, creation: 901, eventChannels: 902 } as const;

/**
 * A denial by the policy is EACCES; FLASK refuses an operation that it has never heard of with EPERM
 * (avc_unknown_permission, xen/xsm/flask/hooks.c), and a Xen without XSM says ENOSYS.
 */
export function whereKnown<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof CallError && /^(EPERM|ENOSYS|EOPNOTSUPP)$/.test(error.errno)) {
      return undefined;
    }
    throw error;
  }
}

/** @returns what Xen made of the operation's own part */
export function domctl(
  { layout }: XenSession,
  calls: Hypercalls,
  domid: number,
  cmd: number,
  question: Buffer = Buffer.alloc(0),
): Buffer {
  const { XEN_DOMCTL_INTERFACE_VERSION: version, __HYPERVISOR_domctl } = layout.constants;
  const operation = new StructView(layout, 'xen_domctl')
    .set('cmd', cmd)
    .set('interface_version', version)
    .set('domain', domid);
  question.copy(operation.block('u'));
  calls.callWith(__HYPERVISOR_domctl, operation.bytes);
  return operation.block('u');
}
