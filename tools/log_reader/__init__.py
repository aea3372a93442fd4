"""An independent reader of Waybill's log: schemas/ and public packages, nothing of the Swift code."""
