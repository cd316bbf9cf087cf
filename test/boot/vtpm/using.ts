/** What guests do with their TPMs, and how long it takes where the back end stands still. */
import { stall } from '../stalled-backend.ts';
import { VTPM_DOMID } from './guests.ts';

/** Waits until a guest has used its TPM, as platform/images/guest-tpm/use-tpm does, and shows its console. */
export const used = (name: string) => `
log=/var/log/xen/console/guest-${name}.log
now() { cut -d. -f1 /proc/uptime; }
end=$(($(now) + 300))
until grep -q 'guest ${name}: \\(endorsement key\\|no TPM\\)' $log || [ "$(now)" -gt "$end" ]; do sleep 1; done
cat $log`;

/**
 * Has a guest extend its register while the back end stands still, for so many seconds, and shows what the guest said
 * then. Linux would wait for 750 ms.
 */
export const disturbed = (name: string, domid: number, word: string, seconds: number) => `
log=/var/log/xen/console/guest-${name}.log
now() { cut -d. -f1 /proc/uptime; }
lines=$(wc -l <$log)
${seconds > 0 ? stall(VTPM_DOMID, seconds) : ''}
echo ${word} >$(xenstore-read /local/domain/${domid}/console/tty)
sleep ${seconds}
end=$(($(now) + 100))
until tail -n +$((lines + 1)) $log | grep -q 'after ${word}' || [ "$(now)" -gt "$end" ]; do sleep 1; done
tail -n +$((lines + 1)) $log`;

/** Has a guest extend its register, and shows the last two values. */
export const extend = (name: string, domid: number, word: string) => `
log=/var/log/xen/console/guest-${name}.log
echo ${word} >$(xenstore-read /local/domain/${domid}/console/tty)
tries=0
until grep -q 'after ${word}, PCR 15 is' $log || [ $((tries += 1)) -gt 240 ]; do sleep 0.5; done
grep 'PCR 15 is' $log | tail -n 2`;
