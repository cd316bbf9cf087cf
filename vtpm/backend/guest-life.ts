import type { DomainLife } from '../../bindings/xen/inventory.ts';
import type { RecordedGuest } from '../../domains/vtpm-guests.ts';
import type { AskXen } from './lifetime.ts';

/** Domain 0 ends with the platform: Xen shuts the machine down with it (common/domain.c, domain_shutdown). */
const CONTROL_DOMAIN = 0;

/**
 * Asks Xen about guests, but for domain 0, which lives as long as anybody asks and which nobody but domB makes: where domB recorded it
 * as a guest it is one, and otherwise it gets no TPM. The policy lets the vTPM domain see its guests and not domain 0.
 */
export function guestLife(guests: readonly RecordedGuest[], askXen: AskXen): AskXen {
  const control = guests.find(({ domid }) => domid === CONTROL_DOMAIN);
  const life: DomainLife | undefined = control && {
    uuid: control.uuid,
    sid: control.sid,
    dying: false,
  };
  return (domid) => (domid === CONTROL_DOMAIN ? life : askXen(domid));
}
