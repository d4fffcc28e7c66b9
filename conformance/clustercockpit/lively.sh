#!/bin/sh
# Keeps two cores busy, then allocates 1 GiB, then writes 500 MB.
sleep 2
burn() {
    end=$(($(date +%s) + 12))
    while [ "$(date +%s)" -lt $end ]; do i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done; done
}
burn & burn & wait
(head -c 1073741824 /dev/zero; sleep 8) | tail > /dev/null
part=0
while [ $part -lt 10 ]; do
    dd if=/dev/zero of=written bs=1M count=50 seek=$((part * 50)) conv=notrunc 2> /dev/null
    sleep 0.9
    part=$((part + 1))
done
rm written
times
