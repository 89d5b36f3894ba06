"""Judgements: what facts mean. Pure, one file for each subject."""
