/** What a hostile dom0 does to guests and their TPMs. */
import { deviceOf, servedOf, VTPM_DOMID } from './guests.ts';
import { extend } from './using.ts';

/**
 * dom0 makes itself the back end of a guest, as whose it would see all commands, and has the guest connect anew. Afterwards it gives
 * the guest its own back.
 */
export const falseBackend = (name: string, domid: number) => `
log=/var/log/xen/console/guest-${name}.log
d=${deviceOf(domid)}
await() {
  tries=0
  until [ "$(grep -c "$1" $log)" -gt "$2" ] || [ $((tries += 1)) -gt 120 ]; do sleep 0.5; done
}
offered=$(grep -c '/dev/tpm0 is the TPM' $log)
ring=$(xenstore-read $d/ring-ref)
xenstore-write ${servedOf(domid, 0)}/frontend $d ${servedOf(domid, 0)}/feature-protocol-v2 1 ${servedOf(domid, 0)}/state 2
xenstore-write $d/backend ${servedOf(domid, 0)} $d/backend-id 0 $d/state 6
await 'refuses domain 0' 0
echo "ring $ring, then $(xenstore-read $d/ring-ref)"
xenstore-write $d/backend ${servedOf(domid)} $d/backend-id ${VTPM_DOMID}
await '/dev/tpm0 is the TPM' $offered
# Linux has its questions first.
sleep 10
grep tpmfront: $log
${extend(name, domid, 'restored')}`;

/**
 * dom0 ends a guest and makes another at once, with its domid and UUID, of whatever label it can; then one with the same domid and
 * another UUID. Each is offered a TPM by the vTPM domain.
 */
export const impostor = (name: string, domid: number) => `
vm=$(xenstore-read /local/domain/${domid}/vm)
xl destroy ${name} 2>&1
await() {
  tries=0
  until "$@" || [ $((tries += 1)) -gt 60 ]; do sleep 0.2; done
}
create() {
  tries=0
  until hostile create ${domid} "$1" system_u:system_r:$2 | tee /run/created | grep -q created || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
  cat /run/created
}
hostile create ${domid} "\${vm##*/}" system_u:system_r:guarded_t
create "\${vm##*/}" domU_t
hostile offer ${domid} ${VTPM_DOMID}
await grep -q 'has the UUID of ${name} and is not' /var/log/xen/console/guest-vtpm.log
echo "the same is in state $(xenstore-read ${servedOf(domid)}/state)"
hostile remove ${servedOf(domid)}
xl destroy ${domid} 2>&1
create $(cat /proc/sys/kernel/random/uuid) domU_t
hostile offer ${domid} ${VTPM_DOMID}
served() { [ "$(xenstore-read ${servedOf(domid)}/state)" = 2 ]; }
await served
echo "another is in state $(xenstore-read ${servedOf(domid)}/state)"
hostile remove ${servedOf(domid)}
xl destroy ${domid} 2>&1
xl list`;
