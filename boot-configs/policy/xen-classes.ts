import type { Policy } from './model.ts';

/** Of xen/xsm/flask/policy/security_classes. Xen refuses a policy that lacks one (validate_classes of ss/services.c). */
const XEN_CLASSES = [
  ...['xen', 'xen2', 'domain', 'domain2', 'hvm', 'mmu', 'resource', 'shadow', 'event', 'grant'],
  ...['security', 'version', 'argo'],
];

/** The classes of Xen that a policy lacks. */
export function missingClasses({ classes }: Policy): string[] {
  return XEN_CLASSES.filter((name) => !classes.has(name));
}
