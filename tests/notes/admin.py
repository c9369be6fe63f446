"""The tests' models in the admin."""

from django.contrib import admin

from tests.notes.models import Attachment, Note, Tag


class AttachmentInline(admin.TabularInline):
    model = Attachment


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):
    inlines = [AttachmentInline]


admin.site.register(Tag)
