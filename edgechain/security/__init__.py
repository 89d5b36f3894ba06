"""Who belongs to the fleet. The only door to ``cryptography``.

``authority`` issues and revokes, ``certificates`` says what stands in a certificate, ``fleet``
keeps an authority and its identities in a directory, ``identity`` is one of them at work, with
``proof`` (what is signed) and ``revocation`` (whom not to believe any more).
"""
