package radio

import "testing"

func TestChecksumOfNothingIsZero(t *testing.T) {
	if Checksum("") != 0 {
		t.Fatal("an empty sentence has checksum 0")
	}
}

func TestSplitFieldsRefusesAWrongChecksum(t *testing.T) {
	if _, err := SplitFields("!AIVDM,1*00"); err != ErrChecksum {
		t.Fatal("a garbled sentence was accepted")
	}
}
