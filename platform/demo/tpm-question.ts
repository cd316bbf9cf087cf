/** How often dom0 asks its TPM before it says that it gets no answer, and the seconds between. */
const TRIES = 4;
const PAUSE = 5;

/**
 * The question to dom0 for what `command` says that uses the TPM. Linux waits for a TPM by the clock (TPM2_TIMEOUT_*,
 * TPM2_DURATION_*: drivers/char/tpm/tpm.h), and an emulated one is late where the machine that emulates is busy. So a command
 * that fails runs again, as a person would do it. One that succeeds is not asked twice, whatever it says. The answer is that
 * of the last try; each try that failed, and what the kernel says of its TPM, goes to the console, and into the answer
 * when no try succeeded. `command` must be one that may run again.
 */
export const askTpm = (command: string): string => `
tries=0
: >/run/tpm-failures
while :; do
  tries=$((tries + 1))
  (
${command}
  ) >/run/tpm-answer 2>&1
  status=$?
  [ "$status" -ne 0 ] || break
  {
    cat /run/tpm-answer
    echo "(that was try $tries of ${TRIES}, status $status)"
  } >>/run/tpm-failures
  [ "$tries" -lt ${TRIES} ] || break
  sleep ${PAUSE}
done
if [ -s /run/tpm-failures ]; then
  {
    echo "the kernel's last lines about TPMs:"
    dmesg | grep -i tpm | tail -n 5
  } >>/run/tpm-failures
  sed 's/^/dom0: asked its TPM: /' /run/tpm-failures >/dev/console
fi
if [ "$status" -eq 0 ]; then cat /run/tpm-answer; else cat /run/tpm-failures; fi
exit "$status"`;
